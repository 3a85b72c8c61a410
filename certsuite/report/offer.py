"""What the device offered as a TLS client, gathered from the record for the report: nothing here judges a case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from certsuite.checks.span import Seen, Span
from certsuite.core.events import ClientHelloSeen, TlsAlert, TlsPresented
from certsuite.core.findings import Evidence
from certsuite.core.observations import IN, Observation
from certsuite.report.offer_changes import Change, Offered, changes
from certsuite.tls.alerts import CLOSE_NOTIFY, FATAL, alert_name
from certsuite.tls.fingerprint import fingerprint
from certsuite.tls.names import extension_name, group_name, is_broken_signature, signature_algorithm_name
from certsuite.tls.stacks import likeness
from certsuite.tls.suite_judgement import Grade, SuiteJudgement, judge_suite
from certsuite.tls.suites import suite_name
from certsuite.tls.versions import is_grease

SHAPES_SHOWN = 4
"Different ClientHellos that are shown; a device has one or two."
LIST_SHOWN = 120
"Entries of one list that are shown."
VALUES_KEPT = 400
"Entries of one list that are compared: more than the registry has."

T = TypeVar("T")
_FEW = 8
_SUPPORTED_VERSIONS = 43
_ORDER = (Grade.WEAK, Grade.DATED, Grade.UNKNOWN, Grade.SIGNAL, Grade.GOOD)
_NOT_RECORDED = "what it presented is not recorded"


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of ClientHello, however often it was sent."""

    count: int
    first: Evidence
    fingerprints: tuple[str, ...]
    "Distinct, the first seen first; empty if the bytes could not be read again."
    likenesses: tuple[str, ...]
    "Stacks that are known to have such a fingerprint."
    versions: tuple[str, ...]
    "Without the extension supported_versions just ``up to TLSv1.2``: how far down, a ClientHello does not say."
    legacy_version: str
    suites: tuple[SuiteJudgement, ...]
    "In the device's order, most preferred first."
    groups: tuple[str, ...]
    signatures: tuple[tuple[str, bool], ...]
    "(name, whether it rests on MD5 or SHA-1)."
    extensions: tuple[tuple[str, int], ...]
    "(name, in how many ClientHellos): a resumed session adds one."
    shuffles: bool
    "Whether the extensions came in another order from one to the next."
    server_names: tuple[str, ...]
    alpn: tuple[str, ...]
    compresses: bool
    offered: Offered
    "The same as plain values, to compare."
    differs: tuple[Change, ...] = ()
    "What is different from the most frequent kind of the run."

    @property
    def grades(self) -> list[tuple[Grade, int]]:
        """How many suites there are of each grade, the worst first."""
        found = [one.grade for one in self.suites]
        return [(grade, found.count(grade)) for grade in _ORDER if grade in found]


@dataclass(frozen=True, slots=True)
class Answered:
    """What the edges presented when an alert came."""

    what: str
    count: int
    first: Evidence


@dataclass(frozen=True, slots=True)
class SentAlert:
    """An alert that the device sent, however often."""

    number: int
    name: str
    fatal: bool
    count: int
    answered: tuple[Answered, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything that the device's handshakes tell of it."""

    hellos: int
    shapes: tuple[Shape, ...]
    "The most frequent first; at most :data:`SHAPES_SHOWN`."
    more_shapes: int
    alerts: tuple[SentAlert, ...]
    answers: Mapping[str, tuple[str, ...]]
    "Alerts that the device sent, none among them, by what an edge presented."
    offered: Offered
    "What it offered in any ClientHello."

    @property
    def shuffles(self) -> bool:
        """Whether its extensions have no order of their own."""
        return any(shape.shuffles for shape in self.shapes)


def gather_offer(observations: Sequence[Observation]) -> Offer | None:
    """What the device offered in a whole record; ``None`` if it sent no ClientHello."""
    span = Span(observations)
    hellos = span.of(ClientHelloSeen)
    if not hellos:
        return None
    alike: dict[object, list[Seen[ClientHelloSeen]]] = {}
    for seen in hellos:
        alike.setdefault(_likeness(seen.event), []).append(seen)
    kinds = sorted(alike.values(), key=lambda kind: -len(kind))
    shapes: list[Shape] = []
    for kind in kinds[:SHAPES_SHOWN]:
        shapes.append(_shape(kind, shapes[0] if shapes else None))
    return Offer(
        hellos=len(hellos),
        shapes=tuple(shapes),
        more_shapes=max(len(kinds) - SHAPES_SHOWN, 0),
        alerts=_alerts(span),
        answers=_answers(span),
        offered=_offered([seen.event for kind in kinds for seen in kind]),
    )


def _likeness(hello: ClientHelloSeen) -> object:
    """What two ClientHellos of one kind have in common.

    Some clients shuffle their extensions or put other GREASE values (RFC 8701) into each list, and a resumed session
    adds an extension: that is the same client.
    """
    lists = (hello.cipher_suites, hello.groups, hello.signature_algorithms)
    return (
        hello.legacy_version,
        hello.versions,
        tuple(_meaning(numbers) for numbers in lists),
        hello.alpn,
        any(hello.compression_methods),
    )


def _meaning(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(number for number in numbers if not is_grease(number))


def _shape(kind: list[Seen[ClientHelloSeen]], most_frequent: Shape | None) -> Shape:
    first, hello = kind[0], kind[0].event
    every = [seen.event for seen in kind]
    offered = _offered(every)
    extensions = _distinct((number for one in every for number in one.extensions), LIST_SHOWN)
    return Shape(
        count=len(kind),
        first=first.evidence,
        fingerprints=offered["fingerprints"],
        likenesses=_distinct(known for one in offered["fingerprints"] if (known := likeness(one))),
        versions=_versions(hello),
        legacy_version=hello.legacy_version,
        suites=tuple(judge_suite(number) for number in hello.cipher_suites[:LIST_SHOWN]),
        groups=tuple(group_name(number) for number in hello.groups[:LIST_SHOWN]),
        signatures=tuple(
            (signature_algorithm_name(number), is_broken_signature(number))
            for number in hello.signature_algorithms[:LIST_SHOWN]
        ),
        extensions=tuple(
            (extension_name(number), sum(number in one.extensions for one in every)) for number in extensions
        ),
        shuffles=_shuffles(every),
        server_names=_distinct((one.server_name for one in every if one.server_name is not None), _FEW),
        alpn=hello.alpn[:LIST_SHOWN],
        compresses=any(hello.compression_methods),
        offered=offered,
        differs=changes(most_frequent.offered, offered) if most_frequent else (),
    )


def _offered(hellos: Sequence[ClientHelloSeen]) -> Offered:
    """Every value of the ClientHellos, in the order of the first that has it. GREASE values are left out."""

    def numbers(of: Callable[[ClientHelloSeen], Iterable[int]], name: Callable[[int], str]) -> tuple[str, ...]:
        found = _distinct((number for one in hellos for number in _meaning(of(one))), VALUES_KEPT)
        return tuple(f"0x{number:04x} {name(number)}" for number in found)

    return {
        "legacy_version": _distinct(one.legacy_version for one in hellos),
        "versions": _distinct(version for one in hellos for version in _versions(one)),
        "suites": numbers(lambda one: one.cipher_suites, suite_name),
        "groups": numbers(lambda one: one.groups, group_name),
        "signature_algorithms": numbers(lambda one: one.signature_algorithms, signature_algorithm_name),
        "extensions": numbers(lambda one: one.extensions, extension_name),
        "alpn": _distinct(protocol for one in hellos for protocol in one.alpn),
        "compression": ("offered",) if any(any(one.compression_methods) for one in hellos) else (),
        "fingerprints": _distinct((made for one in hellos if (made := _fingerprint(one))), _FEW),
    }


def _versions(hello: ClientHelloSeen) -> tuple[str, ...]:
    return hello.versions if _SUPPORTED_VERSIONS in hello.extensions else (f"up to {hello.legacy_version}",)


def _shuffles(hellos: Sequence[ClientHelloSeen]) -> bool:
    orders = {_meaning(hello.extensions) for hello in hellos}
    return len({frozenset(order) for order in orders}) < len(orders)


def _fingerprint(hello: ClientHelloSeen) -> str:
    try:
        return fingerprint(hello)
    except ValueError:
        return ""


def _alerts(span: Span) -> tuple[SentAlert, ...]:
    presented = _presented(span)
    sent: dict[tuple[int, int], dict[str, list[Evidence]]] = {}
    for seen in _sent(span):
        what = presented.get(seen.at.flow, _NOT_RECORDED)
        sent.setdefault((seen.event.description, seen.event.level), {}).setdefault(what, []).append(seen.evidence)
    return tuple(
        SentAlert(
            number=number,
            name=alert_name(number),
            fatal=level == FATAL,
            count=sum(len(places) for places in answered.values()),
            answered=tuple(
                Answered(what, len(places), places[0]) for what, places in islice(answered.items(), LIST_SHOWN)
            ),
        )
        for (number, level), answered in sorted(sent.items())
    )


def _answers(span: Span) -> dict[str, tuple[str, ...]]:
    presented = _presented(span)
    answers: dict[str, set[int]] = {what: set() for what in presented.values()}
    for seen in _sent(span):
        if (what := presented.get(seen.at.flow)) is not None:
            answers[what].add(seen.event.description)
    kept = islice(sorted(answers.items()), VALUES_KEPT)
    return {what: tuple(f"{number} {alert_name(number)}" for number in sorted(numbers)) for what, numbers in kept}


def _sent(span: Span) -> list[Seen[TlsAlert]]:
    """Alerts of the device, without the one that closes a connection in order."""
    return [seen for seen in span.of(TlsAlert) if seen.at.direction == IN and seen.event.description != CLOSE_NOTIFY]


def _presented(span: Span) -> dict[str | None, str]:
    """What the edge presented, by flow."""
    return {seen.at.flow: _presentation(seen.event) for seen in span.of(TlsPresented)}


def _presentation(event: TlsPresented) -> str:
    parts = [event.presentation, ", ".join(event.versions)]
    if event.ciphers:
        parts.append(event.ciphers)
    if event.asks_for_certificate:
        parts.append("asks for a client certificate")
    return ": ".join(parts)


def _distinct(values: Iterable[T], at_most: int = VALUES_KEPT) -> tuple[T, ...]:
    """The different ones, in order, at most so many."""
    return tuple(islice(dict.fromkeys(values), at_most))
