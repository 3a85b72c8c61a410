"""A small record for each check of the PSTN and of a gateway's ports on which it passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.core.events import PstnCall, PstnDigit, PstnHeard, PstnTold
from certsuite.core.observations import OUT
from tests.checks.good_media import CALL, hears, opens

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


def plays(trace: Trace, tone: float) -> None:
    """The far end is told to play a tone."""
    trace.see(PstnTold(CALL, "play", tone), line=1)


def heard(trace: Trace, tone: float, **changes: Any) -> None:
    """The far end wrote what it heard."""
    values: dict[str, Any] = {"level_dbfs": -12.0, "purity": 0.99, **changes}
    trace.after(0.1).see(PstnHeard(CALL, tone, **values), line=1)


def hears_the_device(trace: Trace) -> None:
    trace.see(PstnCall(CALL, "answered"), line=1)
    for tone in (440.0, 700.0):
        plays(trace, tone)
        heard(trace, tone)


def announces(trace: Trace) -> None:
    """The far end plays behind a 183, and the device gives it back."""
    trace.answer(183, direction=OUT, body=b"v=0\r\n")
    plays(trace, 440.0)
    hears(trace, 440.0)


def receives(trace: Trace, digits: str = "15#") -> None:
    trace.see(PstnCall(CALL, "answered"), line=1)
    for digit in digits:
        trace.after(0.2).see(PstnDigit(CALL, digit), line=1)


def _own_audio(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    opens(trace)
    for tone in (420.0, 560.0):
        hears(trace, tone, sent_packets=5)


GOOD_PSTN: dict[str, tuple[Callable[[Trace], object], dict[str, Any]]] = {
    "pstn.hears": (hears_the_device, {"tones": [440, 700]}),
    "pstn.announcement": (announces, {"tone_hz": 440}),
    "pstn.digits": (receives, {"digits": "15#"}),
    "ports.own-audio": (_own_audio, {"calls": [[1, CALL, 420, 560]]}),
}
"Check: how its record is made, and the parameters that it is asked with."
