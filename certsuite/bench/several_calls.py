"""Several calls at once as a case sees them: one beside another on a line, and one on each line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certsuite.sip.invite_forms import identified

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench
    from certsuite.bench.party import Call

_OTHER_CALLERS = 2065550140
"The numbers of other callers follow this one."
_DOMAIN = "lab.invalid"


class SeveralCalls:
    """Makes more calls than one."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def wait_as_claimed(self) -> None:
        """A second call comes during the first: it rings if the device claims that, else it is refused as busy."""
        first = await self._bench.colleague.is_in_a_call()
        second = await self._second()
        await second.expect("call.waits", claimed=self._bench.device.profile.claims("call_waiting"))
        await first.hangs_up()

    async def talk_to_two(self) -> TwoCalls:
        """A second call is answered during the first, which is held: the second is heard."""
        first = await self._bench.colleague.is_in_a_call()
        second = await self._second()
        await second.rings()
        await self._bench.phone.answers()
        await second.is_answered()
        await first.is_held()
        calls = TwoCalls(self._bench, first, second)
        await calls.is_heard(second)
        return calls

    async def come_to_each_line(self) -> None:
        """Every line is called at once, and rings; each call is answered and stays until its caller hangs up."""
        phone = self._bench.phone
        phone.has_another_line()
        calls = [await self._from_another(line=number) for number in phone.lines]
        for call in calls:
            await call.rings()
        for call in calls:
            await phone.answers(line=call.leg.account.line)
        for call in calls:
            await call.is_answered()
        for call in calls:
            await call.hangs_up()

    async def _second(self) -> Call:
        return await self._from_another(line=1)

    async def _from_another(self, *, line: int) -> Call:
        """Call a line as somebody else: some devices refuse two calls at once from one caller."""
        address = f'"Caller {line}"<sip:{_OTHER_CALLERS + line}@{_DOMAIN};user=phone>'
        return await self._bench.colleague.calls(self._bench.phone.line(line), edit=identified(address, address))


class TwoCalls:
    """Two calls of one line: the first is held, the second is up."""

    def __init__(self, bench: Bench, first: Call, second: Call) -> None:
        self._bench = bench
        self._first = first
        self._second = second

    async def change_places(self) -> None:
        """The device goes to the first: the second is held then."""
        await self._bench.phone.swaps()
        await self._second.is_held()
        await self._is_resumed(self._first)

    async def survive_the_end_of_the_second(self) -> None:
        """The second caller hangs up: the first is still there, and is taken back, if the device has not done so by
        itself."""
        await self._second.hangs_up()
        await self._bench.phone.tries_to_resume()
        await self._is_resumed(self._first)
        await self._first.hangs_up()

    async def survive_the_end_of_the_first(self) -> None:
        """The caller who is held hangs up: the second is still heard."""
        await self._first.hangs_up()
        await self._second.within.is_refreshed_by("INVITE")
        await self.is_heard(self._second)
        await self._second.hangs_up()

    async def end(self) -> None:
        """Both callers hang up."""
        await self._first.hangs_up()
        await self._second.hangs_up()

    async def is_heard(self, call: Call) -> None:
        """A tone crosses in a call and comes back, if the device's loop of audio is there for both calls."""
        if self._bench.device.profile.values.echoed_calls > 1:
            await call.is_heard()
        else:
            self._bench.note("audio is not proved here: by its profile the device sends back that of one call")

    async def _is_resumed(self, call: Call) -> None:
        await call.expect("call.is-resumed")
        await self.is_heard(call)
