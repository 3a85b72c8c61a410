"""What the device made of each certificate chain, and what showing them cost: gathered from the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from certsuite.checks.span import Seen, Span
from certsuite.core.events import (
    ClientHelloSeen,
    FlowClosed,
    SipGarbage,
    SipKeepAlive,
    SipMessageSeen,
    TargetsWalked,
    TlsAlert,
    TlsEstablished,
    TlsPresented,
)
from certsuite.core.findings import Evidence
from certsuite.core.observations import IN, Observation
from certsuite.tls.alerts import CLOSE_NOTIFY
from certsuite.tls.recipes import RECIPES, GoodClient, Recipe

_DUE = {GoodClient.ACCEPTS: "accepted", GoodClient.REFUSES: "refused", GoodClient.EITHER: "either"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One chain, and what the device did with it."""

    name: str
    description: str
    due: str
    "``accepted``, ``refused`` or ``either``."
    clause: str
    accepted: bool
    "Whether data came over any of the connections."
    how: str
    "In words: the version over which data came, or the alert, or how the connection ended."
    connections: int
    first: Evidence

    @property
    def as_due(self) -> bool:
        """Whether it is what a device should do."""
        return self.due == "either" or self.due == ("accepted" if self.accepted else "refused")


@dataclass(frozen=True, slots=True)
class Battery:
    """All chains that were shown, in the catalogue's order, and the walks by which they were."""

    shown: tuple[Shown, ...]
    walk: TargetsWalked | None
    one_by_one_shown: int
    one_by_one_s: float

    @property
    def one_by_one_for_all_s(self) -> float:
        """What one by one would take for everything that the walk showed, by those that were shown so."""
        return self.one_by_one_s / self.one_by_one_shown * len(self.walk.targets) if self.walk else 0.0


def gather_battery(observations: Sequence[Observation]) -> Battery | None:
    """What the device made of the chains in a whole record; ``None`` if it was shown none but the good one."""
    span = Span(observations)
    presented: dict[str, list[Seen[TlsPresented]]] = {}
    for seen in span.of(TlsPresented):
        presented.setdefault(seen.event.presentation, []).append(seen)
    of_flow: dict[str, list[Observation]] = {}
    for one in span:
        if one.flow is not None:
            of_flow.setdefault(one.flow, []).append(one)
    shown = tuple(_shown(recipe, presented[recipe.name], of_flow) for recipe in RECIPES[1:] if recipe.name in presented)
    if not shown:
        return None
    # A root probe leads the device past targets of another kind.
    chains = {recipe.name for recipe in RECIPES}
    walks = [seen.event for seen in span.of(TargetsWalked) if chains.issuperset(seen.event.targets)]
    alone = [walk for walk in walks[1:] if walk.mode == "one by one"]
    return Battery(
        shown,
        walks[0] if walks else None,
        sum(len(walk.contacted) for walk in alone),
        sum(walk.took_s for walk in alone),
    )


def _shown(recipe: Recipe, presented: list[Seen[TlsPresented]], of_flow: dict[str, list[Observation]]) -> Shown:
    accepted, how = False, "nothing was seen of it"
    for seen in presented:
        data, told = _made_of_it(of_flow.get(seen.at.flow or "", []))
        if data or not accepted:
            accepted, how = data, told
        if data:
            break
    due = recipe.due
    asked = due.only_if_offered is None or any(
        isinstance(one.event, ClientHelloSeen) and due.only_if_offered in one.event.extensions
        for seen in presented
        for one in of_flow.get(seen.at.flow or "", [])
    )
    return Shown(
        recipe.name,
        recipe.description,
        _DUE[due.verdict_for_a_good_client if asked else GoodClient.EITHER],
        due.clause,
        accepted,
        how,
        len(presented),
        presented[0].evidence,
    )


def _made_of_it(flow: Sequence[Observation]) -> tuple[bool, str]:
    """(whether data came, in words) of one connection."""
    events = [one.event for one in flow]
    version = next((event.version for event in events if isinstance(event, TlsEstablished)), "")
    if any(one.direction == IN and isinstance(one.event, SipMessageSeen | SipGarbage | SipKeepAlive) for one in flow):
        return True, f"SIP over {version}" if version else "SIP"
    for one in flow:
        alert = one.event
        if isinstance(alert, TlsAlert) and one.direction == IN and alert.description != CLOSE_NOTIFY:
            return False, f"alert {alert.description} ({alert.name})"
    ended = next((event for event in events if isinstance(event, FlowClosed)), None)
    after = " after the handshake" if version else ""
    if ended is None:
        return False, f"silence{after}"
    return False, f"ended by the {ended.by} ({ended.how}){after}, without an alert"
