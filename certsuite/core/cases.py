"""How a certification case declares itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_ID = re.compile(r"WXC-[A-Z]+-\d{3}")
_ATTRIBUTE = "__certsuite_case__"


class State(StrEnum):
    """What a case needs of the device before it begins."""

    STOPPED = "stopped"
    STARTED = "started"
    REGISTERED = "registered"
    REGISTERED_SECONDARY = "registered-secondary"
    IN_CALL = "in-call"


class Disturbance(StrEnum):
    """What a case leaves changed, so that the next one has to pay for it."""

    REGISTRATION = "registration"
    CONFIGURATION = "configuration"
    TRUST = "trust"
    CLOCK = "clock"


class Wait(StrEnum):
    """Time that passes in a case whatever the suite does; how long is for the profile or a limit to say."""

    REFRESH = "refresh"
    "The device refreshes its registration."
    TIME_OUT = "time-out"
    "It gives up a server that does not answer."
    OWN_RETRY = "own-retry"
    "It tries again by itself after it has failed or was cut off."
    WAY_BACK = "way-back"
    "It returns to the primary by itself."
    BOTH_DOWN = "both-down"
    "No target serves, for as long as the profile says."
    WATCHED = "watched"
    "It is watched while both targets serve."
    LATE_ANSWERS = "late-answers"
    "Its requests are answered late."
    RETRY_AFTER = "retry-after"
    "The time of a Retry-After is over."
    SILENCE = "silence"
    "It must be seen to say nothing for a while."
    SLOW_HANDSHAKE = "slow-handshake"
    "A handshake comes slowly."
    TTL = "ttl"
    "Records of DNS may be kept no longer."
    DNS_SILENCE = "dns-silence"
    "It gives up a DNS that does not answer."
    KEEP_ALIVE = "keep-alive"
    "It sends a keep-alive."
    EXPIRY = "expiry"
    "What was granted is over."
    SESSION_REFRESH = "session-refresh"
    "It refreshes the session of a call."
    SESSION_END = "session-end"
    "It ends a call whose session nobody refreshes."


@dataclass(frozen=True, slots=True)
class Case:
    """The declaration of one case."""

    id: str
    "Permanent and public, such as ``WXC-TLS-010``; never reused."
    title: str
    requirements: tuple[str, ...]
    claims: tuple[str, ...]
    "PICS items that the profile must claim for the case to apply."
    needs: State
    disturbs: tuple[Disturbance, ...]
    variant: str = ""
    presents: str = ""
    "The certificate chain that the case wants to be shown to the device, by its name."
    reconnects: int = 1
    "How often the device connects anew in a case that disturbs its registration, at most."
    waits: tuple[Wait, ...] = ()
    "For what the case waits, one after the other, beside what the suite itself and the device's calls take."

    @property
    def family(self) -> str:
        """``TLS`` of ``WXC-TLS-010``."""
        return self.id.split("-")[1]


def case(
    id: str,
    *,
    requirements: list[str],
    claims: list[str] | None = None,
    needs: str = "registered",
    disturbs: list[str] | None = None,
    variant: str = "",
    presents: str = "",
    reconnects: int = 1,
    waits: list[str] | None = None,
) -> Callable[[F], F]:
    """Declare an ``async`` test function as a case; the first line of its docstring is the title."""
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is no case id such as WXC-TLS-010")
    if reconnects < 1:
        raise ValueError(f"{id}: reconnects={reconnects}: a case that disturbs nothing leaves it out")

    def decorate(function: F) -> F:
        declared = Case(
            id=id,
            title=(function.__doc__ or "").strip().split("\n")[0],
            requirements=tuple(requirements),
            claims=tuple(claims or ()),
            needs=State(needs),
            disturbs=tuple(Disturbance(item) for item in disturbs or ()),
            variant=variant,
            presents=presents,
            reconnects=reconnects,
            waits=tuple(Wait(item) for item in waits or ()),
        )
        if not declared.title or not declared.requirements:
            raise ValueError(f"{id}: a case needs a docstring and a requirement")
        setattr(function, _ATTRIBUTE, declared)
        return function

    return decorate


def declared_case(function: object) -> Case | None:
    """The declaration of a test function, if it is a case."""
    found = getattr(function, _ATTRIBUTE, None)
    return found if isinstance(found, Case) else None
