"""The network between device and edge: NAT, firewalls, narrow paths."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-NET-020", requirements=["NET-KEEP-ALIVE"], claims=["keep_alive"], disturbs=["registration"])
async def test_keeps_its_connection_alive(bench: Bench, phone: Phone) -> None:
    """With no refresh in sight, keep-alives come over the connection as often as the profile says."""
    await bench.connection.is_kept_alive()


@case("WXC-NET-022", requirements=["NET-PONG"], claims=["keep_alive"], disturbs=["registration"])
async def test_gives_a_dead_connection_up(bench: Bench, phone: Phone) -> None:
    """With no refresh in sight, a keep-alive that is not answered makes the device come over another connection."""
    await bench.connection.is_given_up_without_a_pong()


@case("WXC-NET-030", requirements=["NET-REBINDING"], disturbs=["registration"])
async def test_can_be_called_after_a_rebinding(bench: Bench, phone: Phone) -> None:
    """When a NAT has forgotten the connection, the device comes by another port, and a call reaches it there."""
    await bench.connection.is_forgotten()
    call = await bench.colleague.calls(phone.line(1))
    await call.rings()


@case("WXC-NET-050", requirements=["NET-SRV-PORT-ALONE"], needs="started")
async def test_needs_no_default_port(bench: Bench, phone: Phone) -> Deferred:
    """Over the whole run the device needs no port but that of the SRV record: 5060 and 5061 may be closed."""
    return bench.over_the_whole_run("net.no-default-port")


@case("WXC-NET-070", requirements=["NET-NARROW-PATH"])
async def test_takes_a_long_invite_over_a_narrow_path(bench: Bench, phone: Phone) -> None:
    """An INVITE that is longer than a packet, and comes in several, rings."""
    await bench.connection.becomes_narrow()
    call = await bench.colleague.calls(phone.line(1), over_s=bench.connection.over_s)
    await call.rings()


@case("WXC-NET-080", requirements=["NET-DSCP"])
async def test_marks_its_packets(bench: Bench, phone: Phone) -> Deferred:
    """How the device marks signalling and audio for the network: this is recorded."""
    return bench.over_the_whole_run("net.traffic-class")
