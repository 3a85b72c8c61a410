"""Several calls: one that comes during another, and calls on all lines at once."""

from certsuite.bench import Bench, Phone, case


@case("WXC-CALL-150", requirements=["CALL-WAITING"])
async def test_call_during_another(bench: Bench, phone: Phone) -> None:
    """A call that comes during another rings, or is refused as busy, as the profile claims it."""
    await bench.several.wait_as_claimed()


@case("WXC-CALL-151", requirements=["CALL-WAITING"], claims=["call_waiting", "hold"])
async def test_two_calls_change_places(bench: Bench, phone: Phone) -> None:
    """A second call is answered while the first is held, and the device goes from one to the other."""
    calls = await bench.several.talk_to_two()
    await calls.change_places()
    await calls.end()


@case("WXC-CALL-152", requirements=["CALL-WAITING"], claims=["call_waiting", "hold"])
async def test_second_call_ends(bench: Bench, phone: Phone) -> None:
    """The end of the second call leaves the first, which was held and is taken back."""
    calls = await bench.several.talk_to_two()
    await calls.survive_the_end_of_the_second()


@case("WXC-CALL-153", requirements=["CALL-WAITING"], claims=["call_waiting", "hold"])
async def test_held_call_ends(bench: Bench, phone: Phone) -> None:
    """The end of the first call, which is held, leaves the second."""
    calls = await bench.several.talk_to_two()
    await calls.survive_the_end_of_the_first()


@case("WXC-CALL-154", requirements=["CALL-SEVERAL-LINES"], claims=["call_waiting"])
async def test_calls_on_every_line(bench: Bench, phone: Phone) -> None:
    """Every line rings when all are called at once, and each call is answered and ends by itself."""
    await bench.several.come_to_each_line()
