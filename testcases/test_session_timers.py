"""Session timers (RFC 4028): agreed on, kept running by one side or the other, and heeded when nobody does."""

from certsuite.bench import Bench, Phone, case


@case("WXC-CALL-131", requirements=["CALL-SESSION-TIMER"])
async def test_shows_what_it_claims(bench: Bench, phone: Phone) -> None:
    """Session timers are shown in calls as the profile claims them."""
    await bench.sessions.are_as_claimed()


@case("WXC-CALL-132", requirements=["CALL-SESSION-TIMER"], claims=["session_timers"])
async def test_caller_refreshes(bench: Bench, phone: Phone) -> None:
    """A session timer of the caller's is agreed on, and goes on at each refresh, by re-INVITE and by UPDATE."""
    call = await bench.sessions.begins_as_refresher()
    await call.is_kept_by_the_party()
    await call.hangs_up()


@case("WXC-CALL-133", requirements=["CALL-SESSION-TIMER"], claims=["session_timers"], waits=["session-refresh"])
async def test_refreshes_a_call_that_it_answered(bench: Bench, phone: Phone) -> None:
    """A call that the device answered is refreshed in time when that is the device's part."""
    call = await bench.sessions.makes_the_device_refresh()
    await call.is_kept_by_the_device()
    await call.hangs_up()


@case("WXC-CALL-134", requirements=["CALL-SESSION-TIMER"], claims=["session_timers"], waits=["session-end"])
async def test_session_runs_out(bench: Bench, phone: Phone) -> None:
    """A call that its caller does not refresh is ended shortly before its session is over."""
    call = await bench.sessions.begins_and_never_refreshes()
    await call.is_ended_by_the_device()


@case("WXC-CALL-135", requirements=["CALL-SESSION-TIMER"], claims=["session_timers"])
async def test_interval_is_refused(bench: Bench, phone: Phone) -> None:
    """A call that is refused with 422 is placed again with the interval that was asked for."""
    await bench.sessions.asks_for_more()


@case("WXC-CALL-136", requirements=["CALL-SESSION-TIMER"], claims=["session_timers"])
async def test_far_end_refreshes(bench: Bench, phone: Phone) -> None:
    """In a call that the device placed the timer goes on at each refresh of the far end."""
    call = await bench.sessions.is_called_as_refresher()
    await call.is_kept_by_the_party()
    await call.hangs_up()


@case("WXC-CALL-137", requirements=["CALL-SESSION-TIMER"], claims=["session_timers"], waits=["session-refresh"])
async def test_refreshes_a_call_that_it_placed(bench: Bench, phone: Phone) -> None:
    """A call that the device placed is refreshed in time when that is the device's part."""
    call = await bench.sessions.is_called_and_makes_the_device_refresh()
    await call.is_kept_by_the_device()
    await call.hangs_up()


@case("WXC-CALL-138", requirements=["CALL-SESSION-TIMER"], claims=["session_timers"])
async def test_interval_is_too_small(bench: Bench, phone: Phone) -> None:
    """A call with too small an interval is refused with the smallest that is taken, or rings."""
    await bench.sessions.asks_for_too_little()
