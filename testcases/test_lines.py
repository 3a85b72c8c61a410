"""Many lines: every one registers by itself, none twice, and not all in one moment."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-REG-152", requirements=["REG-ALL-LINES"], needs="started")
async def test_registers_every_line(bench: Bench, phone: Phone) -> None:
    """Every line registers, for its own address and with its own credentials, and how soon all do is measured."""
    await bench.expect_of_attempt("reg.lines", lines=len(phone.lines))


@case("WXC-REG-154", requirements=["REG-ONE-PORT"], claims=["gateway"])
async def test_registers_no_line_from_two_ports(bench: Bench, phone: Phone) -> Deferred:
    """Over the whole run no line is registered by two ports."""
    return bench.over_the_whole_run("reg.one-port")


@case("WXC-CALL-280", requirements=["CALL-ALL-PORTS"], claims=["gateway"])
async def test_is_in_a_call_on_every_port(bench: Bench, phone: Phone) -> None:
    """With a call on every port at once, each port hears its own far end."""
    await bench.ports.are_all_called()
    await bench.ports.all_end()


@case("WXC-REG-170", requirements=["REG-SPREAD"], claims=["gateway"], needs="started")
async def test_spreads_its_lines(bench: Bench, phone: Phone) -> None:
    """When the device starts, its lines do not all come in one moment."""
    await bench.expect_of_attempt("reg.spread", lines=len(phone.lines))
