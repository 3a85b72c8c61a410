"""What is concluded of a TLS client from its connections to a listener, which offers it one thing each.

An alert alone decides nothing. A client has *accepted* a certificate if application data came. It has *refused* if it
ended a connection itself, without data, after the server's flight had reached it: within the handshake, or by a fatal
alert after it. A handshake that was completed and led to nothing may be either, and is *inconclusive*. A refusal counts
only with its control: the same client (the same address) completed a handshake with the good chain.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from certsuite.core.redaction import printable
from certsuite.core.verdicts import Level, Mark
from certsuite.tls.alerts import FATAL
from certsuite.tls.conversation import EndedBy, Told
from certsuite.tls.fingerprint import fingerprint
from certsuite.tls.offers import GOOD, About, Offer
from certsuite.tls.recipes import GoodClient

CLIENTS_LIMIT = 1000
"Addresses that are told apart."
_SHAPES_LIMIT = 8
"Different ClientHellos of one address that are told apart."
_ALERTS_LIMIT = 8
"Different alerts kept of one client for one offer."

_USER_CANCELED = 90
_HANDSHAKE_FAILURE, _PROTOCOL_VERSION = 40, 70
_OLD_VERSIONS = frozenset({"TLSv1", "TLSv1.1"})


class Ruling(StrEnum):
    """What is concluded of a connection, or of all connections to one offer."""

    FAIL = "fail"
    WARN = "warn"
    PASS = "pass"
    INCONCLUSIVE = "inconclusive"
    RECORDED = "recorded"
    "No answer to it is wrong; what the client did is told."
    NOT_JUDGED = "not judged"
    "No TLS client was there."


class Reaction(StrEnum):
    """What a client made of what it was offered."""

    ACCEPTED = "accepted"
    COMPLETED = "completed"
    "The handshake is complete, and nothing tells what the client thinks of it."
    REFUSED = "refused"
    UNDECIDED = "undecided"
    "It did not get to see it, or neither went on nor left."
    NOTHING = "nothing"
    "No ClientHello came."


@dataclass(frozen=True, slots=True)
class Answer:
    """A reaction, and why it is taken for that."""

    reaction: Reaction
    why: str


@dataclass(frozen=True, slots=True)
class Ruled:
    """What one connection comes to."""

    ruling: Ruling
    why: str
    once_controlled: Ruling | None = None
    "What it will be once the client has completed a handshake with the good chain."


def answer_to(told: Told) -> Answer:
    """What the client made of the offer of one connection."""
    if told.cleartext:
        return Answer(Reaction.NOTHING, "it does not speak TLS here")
    if told.hello is None:
        return Answer(Reaction.NOTHING, "no ClientHello that can be read" if told.received else "it said nothing")
    about = told.offer.about
    if told.data:
        return Answer(Reaction.ACCEPTED, "it sent data")
    if told.established is not None:
        if told.alert_after_handshake and _is_refusal(told):
            return Answer(Reaction.REFUSED, "it ended the connection by an alert after the handshake, without data")
        if about in (About.VERSION, About.HANDSHAKE):
            return Answer(Reaction.ACCEPTED, f"it completed the handshake, in {told.established.version}")
        return Answer(Reaction.COMPLETED, "handshake completed, no data: some clients verify only then")
    if about is About.BREAK:
        return Answer(Reaction.UNDECIDED, "the connection was closed within the handshake, as offered")
    if about is About.VERSION and _knows_no_such_version(told):
        return Answer(Reaction.REFUSED, f"it offers no handshake in {told.offer.behaviour.versions[0]}")
    if told.own_alert is not None:
        own = told.own_alert
        return Answer(
            Reaction.UNDECIDED,
            f"no common ground: the listener ended the handshake by alert {own.description} ({own.name})",
        )
    if told.ended_by is not EndedBy.CLIENT:
        return Answer(Reaction.UNDECIDED, f"it neither went on nor left; {told.problem or 'patience was over'}")
    if not told.shown:
        return Answer(Reaction.UNDECIDED, "it left before the certificate had reached it")
    return Answer(Reaction.REFUSED, "it left within the handshake, without data")


def _is_refusal(told: Told) -> bool:
    """Whether an alert after the handshake ends the connection in anger."""
    return told.alert is not None and told.alert.level == FATAL and told.alert.description != _USER_CANCELED


def _knows_no_such_version(told: Told) -> bool:
    """The listener itself ended the handshake, for want of the version that it offers alone.

    A client that names TLS 1.2 as its highest version alone has no suite for an older one: that is alert 40.
    """
    if told.own_alert is None:
        return False
    old = _OLD_VERSIONS.issuperset(told.offer.behaviour.versions)
    return told.own_alert.description in ({_PROTOCOL_VERSION, _HANDSHAKE_FAILURE} if old else {_PROTOCOL_VERSION})


def accepts_good(told: Told) -> bool:
    """Whether a connection is the control: a handshake with the good chain that was completed, and not ended by a fatal
    alert. A client that does this and leaves another handshake does so because of what differs."""
    refused = told.alert_after_handshake and _is_refusal(told)
    return told.offer.name == GOOD and told.established is not None and (bool(told.data) or not refused)


def rule(told: Told, *, control: bool) -> Ruled:
    """What one connection comes to; ``control``: this client has accepted the good chain before."""
    answer = answer_to(told)
    due = told.offer.due
    expected = due.verdict_for_a_good_client
    if answer.reaction is Reaction.NOTHING:
        return Ruled(Ruling.NOT_JUDGED, answer.why)
    binding = due.only_if_offered is None or (told.hello is not None and due.only_if_offered in told.hello.extensions)
    if expected is GoodClient.EITHER or not binding:
        asked = "" if binding else "; it did not ask for what this is about"
        return Ruled(Ruling.RECORDED, f"{answer.why}{asked}")
    bad = Ruling.WARN if due.level is not Level.MANDATORY or due.mark is Mark.INFERRED else Ruling.FAIL
    match answer.reaction, expected:
        case Reaction.ACCEPTED, GoodClient.ACCEPTS:
            return Ruled(Ruling.PASS, answer.why)
        case Reaction.ACCEPTED, _:
            return Ruled(bad, f"{answer.why}, and had to refuse ({due.clause})")
        case Reaction.REFUSED, GoodClient.ACCEPTS:
            if told.offer.name == GOOD:
                return Ruled(
                    bad, f"{answer.why}. Has it the root? Does it connect to the right name? Is its clock right?"
                )
            return _controlled(bad, f"{answer.why}, and had to accept ({due.clause})", control)
        case Reaction.REFUSED, _:
            return _controlled(Ruling.PASS, answer.why, control)
        case _:
            return Ruled(Ruling.INCONCLUSIVE, answer.why)


def _controlled(ruling: Ruling, why: str, control: bool) -> Ruled:
    if control:
        return Ruled(ruling, why)
    return Ruled(Ruling.INCONCLUSIVE, f"{why}; no control yet", once_controlled=ruling)


# --- all connections of a client


@dataclass(slots=True)
class Tally:
    """All connections of one client to one offer."""

    offer: Offer
    reactions: Counter[Reaction] = field(default_factory=Counter)
    alerts: Counter[tuple[int, str]] = field(default_factory=Counter)
    "The client's alerts, by number and name."
    _ruled: dict[Ruling, str] = field(default_factory=dict)
    "Every ruling there was, with the latest reason."
    _waiting: dict[Ruling, str] = field(default_factory=dict)
    "What refusals come to once there is a control."

    def take(self, told: Told, ruled: Ruled) -> None:
        """Count a connection."""
        self.reactions[answer_to(told).reaction] += 1
        alert = (told.alert.description, told.alert.name) if told.alert else None
        if alert is not None and (alert in self.alerts or len(self.alerts) < _ALERTS_LIMIT):
            self.alerts[alert] += 1
        if ruled.once_controlled is None:
            self._ruled[ruled.ruling] = ruled.why
        else:
            self._waiting[ruled.once_controlled] = ruled.why

    def settle(self) -> bool:
        """The control has come. Gives whether that decides anything here."""
        settled = bool(self._waiting)
        self._ruled.update(
            {
                ruling: f"{why.removesuffix('; no control yet')}; the control came later"
                for ruling, why in self._waiting.items()
            }
        )
        self._waiting.clear()
        return settled

    @property
    def ruling(self) -> Ruling:
        """The conclusion. One acceptance of what must be refused is one too many; one of what is good is enough."""
        order = [Ruling.FAIL, Ruling.WARN, Ruling.PASS, Ruling.INCONCLUSIVE, Ruling.RECORDED]
        if self.offer.due.verdict_for_a_good_client is GoodClient.ACCEPTS:
            order = [Ruling.PASS, *(one for one in order if one is not Ruling.PASS)]
        there = {*self._ruled, *([Ruling.INCONCLUSIVE] if self._waiting else [])}
        return next((one for one in order if one in there), Ruling.NOT_JUDGED)

    @property
    def why(self) -> str:
        """The reason."""
        if self._waiting and self.ruling is Ruling.INCONCLUSIVE:
            return next(iter(self._waiting.values()))
        return self._ruled.get(self.ruling, "")


@dataclass(slots=True)
class Shape:
    """One kind of ClientHello, however often it was sent."""

    fingerprint: str
    versions: tuple[str, ...]
    cipher_suites: tuple[int, ...]
    server_name: str
    "The first that was asked for, made printable; empty without one."
    count: int = 0


@dataclass(slots=True)
class Client:
    """All connections from one address."""

    address: str
    connections: int = 0
    accepts_good: bool = False
    tallies: dict[str, Tally] = field(default_factory=dict)
    "By the offer's name."
    not_judged: Counter[str] = field(default_factory=Counter)
    "Connections without a TLS client, by what they were."
    shapes: dict[str, Shape] = field(default_factory=dict)
    "By fingerprint; a program can have several, and several programs an address."


@dataclass(frozen=True, slots=True)
class Entry:
    """What is concluded when a connection has ended."""

    ruled: Ruled
    settled: tuple[Tally, ...] = ()
    "Earlier refusals of the same client that its control now decides."


class Ledger:
    """Keeps what every client did. Bounded in what it keeps, whatever clients do."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}
        self.beyond = 0
        "Connections from addresses beyond :data:`CLIENTS_LIMIT`: they are not judged."

    def take(self, address: str, told: Told) -> Entry:
        """A connection from ``address`` has ended."""
        client = self.clients.get(address)
        if client is None and len(self.clients) >= CLIENTS_LIMIT:
            self.beyond += 1
            return Entry(Ruled(Ruling.NOT_JUDGED, "too many addresses: it is not judged"))
        if client is None:
            client = self.clients[address] = Client(address)
        client.connections += 1
        _note_hello(client, told)
        controls = accepts_good(told)
        settled: tuple[Tally, ...] = ()
        if controls and not client.accepts_good:
            client.accepts_good = True
            settled = tuple(tally for tally in client.tallies.values() if tally.settle())
        ruled = rule(told, control=client.accepts_good)
        if ruled.ruling is Ruling.NOT_JUDGED:
            client.not_judged[ruled.why] += 1
        else:
            client.tallies.setdefault(told.offer.name, Tally(told.offer)).take(told, ruled)
        return Entry(ruled, settled)

    @property
    def rulings(self) -> Counter[Ruling]:
        """How many conclusions there are of each kind, over all clients and offers."""
        return Counter(tally.ruling for client in self.clients.values() for tally in client.tallies.values())


def _note_hello(client: Client, told: Told) -> None:
    hello = told.hello
    if hello is None:
        return
    mark = fingerprint(hello)
    if mark not in client.shapes and len(client.shapes) < _SHAPES_LIMIT:
        name = printable(hello.server_name or "", at_most=100)
        client.shapes[mark] = Shape(mark, hello.versions, hello.cipher_suites, name)
    if mark in client.shapes:
        client.shapes[mark].count += 1
