"""What the device offered as a TLS client, gathered from the record for the report: nothing here judges a case."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from certsuite.checks.span import Seen, Span
from certsuite.core.events import ClientHelloSeen, TlsAlert, TlsPresented
from certsuite.core.observations import IN, Observation
from certsuite.tls.alerts import CLOSE_NOTIFY
from certsuite.tls.fingerprint import fingerprint
from certsuite.tls.names import extension_name, group_name, is_broken_signature, signature_algorithm_name
from certsuite.tls.suite_judgement import Grade, SuiteJudgement, judge_suite

SHAPES_SHOWN = 4
"Different ClientHellos that are shown; a device has one or two."
LIST_SHOWN = 120
"Entries of one list that are shown."

_ORDER = (Grade.WEAK, Grade.DATED, Grade.UNKNOWN, Grade.SIGNAL, Grade.GOOD)


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of ClientHello, however often it was sent."""

    count: int
    first_seq: int
    frame: int | None
    fingerprint: str
    "Empty if the bytes could not be read again."
    versions: tuple[str, ...]
    legacy_version: str
    suites: tuple[SuiteJudgement, ...]
    "In the device's order, most preferred first."
    groups: tuple[str, ...]
    signatures: tuple[tuple[str, bool], ...]
    "(name, whether it rests on MD5 or SHA-1)."
    extensions: tuple[str, ...]
    server_names: tuple[str, ...]
    alpn: tuple[str, ...]
    compresses: bool

    @property
    def grades(self) -> list[tuple[Grade, int]]:
        """How many suites there are of each grade, the worst first."""
        found = [one.grade for one in self.suites]
        return [(grade, found.count(grade)) for grade in _ORDER if grade in found]


@dataclass(frozen=True, slots=True)
class SentAlert:
    """An alert that the device sent, however often."""

    number: int
    name: str
    fatal: bool
    count: int
    answered: tuple[str, ...]
    "What the edges presented to which it was the answer."


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything that the device's handshakes tell of it."""

    hellos: int
    shapes: tuple[Shape, ...]
    "The most frequent first; at most :data:`SHAPES_SHOWN`."
    more_shapes: int
    alerts: tuple[SentAlert, ...]


def gather_offer(observations: Sequence[Observation]) -> Offer | None:
    """What the device offered in a whole record; ``None`` if it sent no ClientHello."""
    span = Span(observations)
    hellos = span.of(ClientHelloSeen)
    if not hellos:
        return None
    alike: dict[Hashable, list[Seen[ClientHelloSeen]]] = {}
    for seen in hellos:
        hello = seen.event
        key = (hello.versions, hello.cipher_suites, hello.groups, hello.signature_algorithms)
        # Some clients shuffle their extensions, and a resumed session adds one: that is the same client.
        alike.setdefault(key, []).append(seen)
    kinds = sorted(alike.values(), key=lambda kind: -len(kind))
    shapes = tuple(_shape(kind) for kind in kinds[:SHAPES_SHOWN])
    return Offer(len(hellos), shapes, max(len(kinds) - SHAPES_SHOWN, 0), _alerts(span))


def _shape(kind: list[Seen[ClientHelloSeen]]) -> Shape:
    first, hello = kind[0], kind[0].event
    return Shape(
        count=len(kind),
        first_seq=first.at.seq,
        frame=first.at.frame,
        fingerprint=_fingerprint(hello),
        versions=hello.versions,
        legacy_version=hello.legacy_version,
        suites=tuple(judge_suite(number) for number in hello.cipher_suites[:LIST_SHOWN]),
        groups=tuple(group_name(number) for number in hello.groups[:LIST_SHOWN]),
        signatures=tuple(
            (signature_algorithm_name(number), is_broken_signature(number))
            for number in hello.signature_algorithms[:LIST_SHOWN]
        ),
        extensions=tuple(extension_name(number) for number in hello.extensions[:LIST_SHOWN]),
        server_names=_distinct(seen.event.server_name for seen in kind),
        alpn=hello.alpn[:LIST_SHOWN],
        compresses=any(hello.compression_methods),
    )


def _fingerprint(hello: ClientHelloSeen) -> str:
    try:
        return fingerprint(hello)
    except ValueError:
        return ""


def _alerts(span: Span) -> tuple[SentAlert, ...]:
    presented = {seen.at.flow: _presentation(seen.event) for seen in span.of(TlsPresented)}
    sent: dict[tuple[int, int, str], list[str]] = {}
    for seen in span.of(TlsAlert):
        if seen.at.direction == IN and seen.event.description != CLOSE_NOTIFY:
            key = (seen.event.description, seen.event.level, seen.event.name)
            sent.setdefault(key, []).append(presented.get(seen.at.flow, ""))
    return tuple(
        SentAlert(number, name, level == 2, len(answered), _distinct(answered))
        for (number, level, name), answered in sorted(sent.items())
    )


def _presentation(event: TlsPresented) -> str:
    parts = [event.presentation, ", ".join(event.versions)]
    if event.ciphers:
        parts.append(event.ciphers)
    return ": ".join(parts)


def _distinct(texts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))[:8]
