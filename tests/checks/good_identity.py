"""Small records on which the checks about identity and passwords pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.core.events import BenchChanged, BindingChanged, PasswordsWatched

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

    Record = Callable[[Trace], object]

GOOD_IDENTITY: dict[str, tuple[Record, dict[str, Any]]] = {}
"By check: what was observed, and the parameters that it is asked with."


def _good(check: str, **params: Any) -> Callable[[Record], Record]:
    def decorate(record: Record) -> Record:
        GOOD_IDENTITY[check] = (record, params)
        return record

    return decorate


@_good("ua.readable", make="Acme", model="Phone", kind="phone")
@_good("ua.constant")
@_good("ua.not-cisco")
@_good("ua.agrees", make="Acme")
def registers(trace: Trace) -> None:
    trace.request("REGISTER")


@_good("pw.rotates", granted_s=60)
def takes_another_password(trace: Trace) -> None:
    trace.see(BenchChanged("passwords", "rotated", {"lines": [1]}))
    trace.after(2).see(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f1", edge="primary", line=1)


@_good("pw.not-shown")
def shows_none(trace: Trace) -> None:
    trace.see(PasswordsWatched(("SIP", "log")))
    trace.request("REGISTER")
