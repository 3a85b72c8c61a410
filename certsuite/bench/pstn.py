"""The PSTN as a case sees it: behind the edge's trunk a program of its own answers, calls, plays, listens and writes.

Device and far end are two calls, which the edge bridges: TLS and SRTP on this side, UDP and RTP on the other.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from certsuite.bench.expecting import CannotJudge, NotApplicable
from certsuite.bench.media_terms import TERMS
from certsuite.bench.party import Call, Party
from certsuite.core.cases import Case
from certsuite.core.errors import BenchError
from certsuite.core.events import PstnCall, PstnDigit, PstnHeard, PstnTold
from certsuite.core.journal import Journal
from certsuite.core.places import FAR_END
from certsuite.core.redaction import printable
from certsuite.edge.call_leg import CallLeg, LegState
from certsuite.edge.trunk import PORT, TrunkCall

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench
    from certsuite.bench.phone import Line, Phone

_TONES_HZ = (440, 560, 700, 880, 1100, 1360)
"Multiples of 20 Hz, as the far end plays them."
_ANNOUNCED_HZ = (700, 880, 1100)
"Likewise, and no part of a country's ring-back."
_EXITED = "exited"
_REASONS = {486: "Busy Here", 404: "Not Found"}


class FarEndProgram(asyncio.SubprocessProtocol):
    """The program at the far end: one JSON object a line each way. It ends with its standard input."""

    def __init__(self, on_seen: Callable[[dict[str, Any]], None]) -> None:
        self.ended = False
        self._gone = asyncio.Event()
        self._on_seen = on_seen
        self._transport: asyncio.SubprocessTransport | None = None
        self._rest = b""

    async def start(self, address: str, server: str, number: str) -> None:
        """Start it; what it says comes to ``on_seen``."""
        given = ("--address", address, "--server", server, "--port", str(PORT), "--number", number)
        loop = asyncio.get_running_loop()
        await loop.subprocess_exec(
            lambda: self, sys.executable, "-P", str(FAR_END), *given, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def tell(self, order: dict[str, Any]) -> None:
        """Give an order."""
        if self._transport is not None and not self.ended:
            pipe = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
            pipe.write(json.dumps(order).encode() + b"\n")

    async def stop(self) -> None:
        """Kill it, and wait until it is gone: whatever it still had to say belongs to no call."""
        if self._transport is not None:
            if not self.ended:
                self._transport.kill()
                await self._gone.wait()
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                seen = json.loads(line)
            except ValueError:
                continue
            if isinstance(seen, dict) and "saw" in seen:
                self._on_seen(seen)

    def process_exited(self) -> None:
        self.ended = True
        self._gone.set()
        self._on_seen({"saw": "exited"})


class PstnConnection:
    """One call of the device with the PSTN: its leg, the trunk's, and the bridge between them."""

    def __init__(self, leg: CallLeg, call: TrunkCall) -> None:
        self.leg = leg
        self.call = call
        self._bridged = False
        leg.on_state = self._device_came_to
        call.on_state = self._far_end_came_to

    def _bridge(self) -> None:
        if not self._bridged:
            self._bridged = True
            self.leg.stream.bridge(self.call.media.stream)

    def _device_came_to(self, state: LegState) -> None:
        match state:
            case LegState.EARLY if self.call.incoming:
                self.call.ring()
            case LegState.CONFIRMED:
                self._bridge()
                if self.call.incoming and self.call.state is not LegState.CONFIRMED:
                    self.call.accept()
            case LegState.ENDED:
                self.call.hang_up()
            case _:
                pass

    def _far_end_came_to(self, state: LegState, status: int) -> None:
        match state:
            case LegState.EARLY if self.call.has_early_media:
                self.leg.progress_with_media()
                self._bridge()
            case LegState.EARLY:
                self.leg.ring()
            case LegState.CONFIRMED:
                self.leg.accept()
            case LegState.ENDED if status >= 300 and self.leg.state is not LegState.ENDED:
                self.leg.refuse(status, _REASONS.get(status, "Refused"))
            case LegState.ENDED:
                self.leg.hang_up()
            case _:
                pass


class PstnCallOfDevice(Call):
    """A call between the device and the PSTN."""

    def __init__(self, bench: Bench, connection: PstnConnection, since: int, pstn: Pstn) -> None:
        super().__init__(bench, connection.leg, since)
        self._pstn = pstn

    async def far_end_answers(self) -> None:
        """The far end answers, and the device takes it."""
        self._pstn.tell("answer")
        await self.is_acknowledged()

    async def far_end_hears_the_device(self) -> None:
        """What the far end plays comes back to it, decoded by its own means."""
        self._bench.needs_echo()
        first, second = self._pstn.two_tones()
        for tone in (first, second):
            self._pstn.tell("play", tone_hz=tone)
            stated = self._bench.stated("pstn.hears", call_id=self.leg.call_id, since=self.since, tones=[tone])
            patience = self._bench.patience_s("pstn.hears")
            await self._bench.expecting.settles(stated, asyncio.get_running_loop().time() + patience)
        await self.expect("pstn.hears", tones=[first, second])

    async def far_end_announces(self) -> None:
        """Before it answers, the far end plays an announcement, and the device lets its user hear it."""
        self._bench.needs_echo()
        tone = secrets.choice(_ANNOUNCED_HZ)
        self._pstn.tell("announce")
        self._pstn.tell("play", tone_hz=tone)
        await self.expect("pstn.announcement", tone_hz=tone)

    async def far_end_refuses(self) -> None:
        """The far end refuses the call, and the device acknowledges that."""
        self._pstn.tell("refuse")
        await self.expect("call.acknowledges-refusal")

    async def far_end_receives(self, digits: str) -> None:
        """The far end received the digits that were pressed."""
        await self.expect("pstn.digits", digits=digits)

    async def far_end_hangs_up(self) -> None:
        """The far end hangs up, and the device takes it."""
        self._pstn.tell("hangup")
        await self.expect("call.ends")


class Pstn(Party):
    """A number in the PSTN, at which a program answers."""

    def __init__(self, bench: Bench, journal: Journal, *, number: str) -> None:
        super().__init__(bench, name="PSTN", number=number)
        self._journal = journal
        self._program: FarEndProgram | None = None
        self._ready: asyncio.Future[str] | None = None
        self._connection: PstnConnection | None = None
        self._line: Line | None = None
        self._tones = 0
        self._connected = asyncio.Event()

    async def begin_for(self, planned: Sequence[Case]) -> None:
        """Start the program if one of these cases is about the PSTN: it is up when they come."""
        if any(case.family == "PSTN" for case in planned):
            await self._start()

    async def is_there(self) -> None:
        """The program is up and registered at the trunk. Raises :class:`NotApplicable` where it cannot run."""
        await self._start()
        assert self._ready is not None
        problem = await self._ready
        if problem == _EXITED:
            raise CannotJudge("far-end-failed", "the program at the far end did not come up")
        if problem:
            raise NotApplicable("no-far-end", f"pyVoIP cannot be run here ({problem}): pip install 'certsuite[pstn]'")

    def tell(self, order: str, **details: Any) -> None:
        """Tell the program to do something in the call."""
        assert self._program is not None
        self._record(PstnTold(self._call_id, order, float(details.get("tone_hz", 0.0))))
        self._program.tell({"do": order, **details})

    def two_tones(self) -> tuple[int, int]:
        """Two tones, others each time."""
        self._tones += 1
        return _TONES_HZ[self._tones % len(_TONES_HZ)], _TONES_HZ[(self._tones + 2) % len(_TONES_HZ)]

    async def is_dialled_by(self, phone: Phone) -> PstnCallOfDevice:
        """The device's call arrives at the trunk, and the far end rings."""
        await self.is_there()
        await phone.dials(self)
        call = await super().is_called(as_control=True)
        await self._until_called()
        assert self._connection is not None
        return PstnCallOfDevice(self._bench, self._connection, call.since, self)

    async def calls_from_the_pstn(self, line: Line) -> PstnCallOfDevice:
        """The far end calls a line of the device."""
        await self.is_there()
        since, self._line = self._bench.here, line
        self._connected.clear()
        assert self._program is not None
        number = self._bench.network.registrar.accounts.of_line(line.number).user
        self._program.tell({"do": "call", "number": number})
        await self._bench.device.until(self._connected.is_set, self._bench.patience_s("call.rings"))
        if self._connection is None:
            raise CannotJudge("far-end-silent", "the program at the far end placed no call")
        return PstnCallOfDevice(self._bench, self._connection, since, self)

    async def stop(self) -> None:
        """End the program."""
        if self._program is not None:
            await self._program.stop()

    def forget(self) -> None:
        """Drop calls that no case took, here and at the far end."""
        super().forget()
        if self._connection is not None and self._program is not None:
            self._program.tell({"do": "drop"})
        self._connection = None

    # --- inside

    async def _start(self) -> None:
        if self._program is not None and not self._program.ended:
            return
        trunk = self._bench.network.trunk
        self._ready = asyncio.get_running_loop().create_future()
        self._program = FarEndProgram(self._saw)
        trunk.on_call = self._from_far_end
        await trunk.start()
        await self._program.start(trunk.far_end[0], trunk.address, self.number)

    @property
    def _call_id(self) -> str:
        return self._connection.leg.call_id if self._connection else ""

    async def _until_called(self) -> None:
        await self._bench.device.until(self._connected.is_set, self._bench.patience_s("call.is-placed"))
        if self._connection is None or not self._connected.is_set():
            raise CannotJudge("far-end-silent", "the program at the far end did not ring")

    def is_reached(self, leg: CallLeg) -> None:
        """The device called the PSTN."""
        super().is_reached(leg)
        if self._program is None or self._program.ended:
            leg.refuse(503, "Service Unavailable")
            return
        leg.media.terms = TERMS["as the PSTN"]
        account = leg.account
        call = self._bench.network.trunk.call(
            caller=account.user, name=account.display_name, number=self.number, line=account.line
        )
        self._connected.clear()
        self._connection = PstnConnection(leg, call)

    def _from_far_end(self, call: TrunkCall) -> None:
        try:
            line = self._line.number if self._line else 1
            leg = self._bench.network.control.call(
                line, party=call.caller, caller=self.name, terms=TERMS["as the PSTN"]
            )
        except BenchError:
            call.hang_up()
            return
        self._connection = PstnConnection(leg, call)
        self._connected.set()

    def _record(self, event: PstnTold | PstnCall | PstnHeard | PstnDigit) -> None:
        self._journal.record(event, line=self._connection.leg.account.line if self._connection else None)

    def _saw(self, seen: dict[str, Any]) -> None:
        assert self._ready is not None
        match seen["saw"]:
            case "ready" if not self._ready.done():
                self._ready.set_result("")
            case "unavailable" if not self._ready.done():
                self._ready.set_result(printable(str(seen.get("reason")), at_most=120))
            case "exited" if not self._ready.done():
                self._ready.set_result(_EXITED)
            case "exited" if self._connection is not None:
                self._record(PstnCall(self._call_id, "failed", "it ended by itself"))
            case "heard":
                self._record(PstnHeard(self._call_id, seen["hz"], seen["level_dbfs"], seen["purity"]))
            case "digit":
                self._record(PstnDigit(self._call_id, printable(str(seen["digit"]), at_most=1)))
            case "called":
                self._record(PstnCall(self._call_id, "called", printable(str(seen["caller"]), at_most=60)))
                self._connected.set()
            case "answered" | "ended" | "failed" as state:
                self._record(PstnCall(self._call_id, state, printable(str(seen.get("reason", "")), at_most=120)))
            case _:
                pass
