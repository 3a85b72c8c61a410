"""What is concluded of a TLS client from its connections to a listener, which offers it one thing each.

An alert alone decides nothing. A client has *accepted* a certificate if application data came. It has *refused* if it
ended a connection itself, without data, after the server's flight had reached it: within the handshake, or by a fatal
alert after it. A refusal counts only with its control: the same client (the same address) completed a handshake with
the good chain.

A handshake that was completed and led to nothing may be either: some clients verify only then, others have nothing to
say. It is *inconclusive*, unless the client is known to speak: it closed at once, and always sent data over the good
chain, before this connection and after it. One silent connection to the good chain takes such conclusions back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from certsuite.checks.probe_answers import ProbeAnswers
from certsuite.checks.root_probe import RootReading, Trust
from certsuite.core.events import ClientHelloSeen
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Level, Mark
from certsuite.tls.alerts import FATAL, USER_CANCELED
from certsuite.tls.conversation import EndedBy, Told
from certsuite.tls.fingerprint import fingerprint
from certsuite.tls.offers import GOOD, About, Offer
from certsuite.tls.probe_chains import Mode
from certsuite.tls.probe_conversation import ProbeTold
from certsuite.tls.recipes import GoodClient

CLIENTS_LIMIT = 1000
"Addresses that are told apart."
_SHAPES_LIMIT = 8
"Different ClientHellos of one address that are told apart."
_ALERTS_LIMIT = 8
"Different alerts kept of one client for one offer."

_AT_ONCE_S = 1.0
"""A client that looks at the certificate after the handshake leaves sooner. A person who ends a program does not, and
has decided nothing about the certificate."""
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


class Needs(StrEnum):
    """What a conclusion still needs of the same client."""

    NOTHING = "nothing"
    CONTROL = "control"
    "That it completes a handshake with the good chain."
    HABIT = "habit"
    "That it sends data over the good chain again, as it did before and always does."


@dataclass(frozen=True, slots=True)
class Ruled:
    """What one connection comes to."""

    ruling: Ruling
    why: str
    needs: Needs = Needs.NOTHING
    then: Ruling = Ruling.INCONCLUSIVE
    "What it will be once it has what it needs."


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
        return Answer(Reaction.COMPLETED, "handshake completed, no data: refused late, or nothing to say")
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
    return told.alert is not None and told.alert.level == FATAL and told.alert.description != USER_CANCELED


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


def rule(told: Told, *, control: bool, speaks: bool) -> Ruled:
    """What one connection comes to.

    ``control``: this client has completed a handshake with the good chain; ``speaks``: it has sent data over that, and
    never failed to.
    """
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
    if answer.reaction is Reaction.ACCEPTED:
        if expected is GoodClient.ACCEPTS:
            return Ruled(Ruling.PASS, answer.why)
        return Ruled(bad, f"{answer.why}, and had to refuse ({due.clause})")
    if told.offer.name == GOOD:
        if answer.reaction is not Reaction.REFUSED:
            return Ruled(Ruling.INCONCLUSIVE, answer.why)
        return Ruled(bad, f"{answer.why}. Has it the root? Does it connect to the right name? Is its clock right?")
    accepts = expected is GoodClient.ACCEPTS
    must = f", and had to accept ({due.clause})" if accepts else ""
    then = bad if accepts else Ruling.PASS
    if answer.reaction is Reaction.REFUSED:
        why = f"{answer.why}{must}"
        if control:
            return Ruled(then, why)
        return Ruled(Ruling.INCONCLUSIVE, f"{why}; no control yet", Needs.CONTROL, then)
    if answer.reaction is Reaction.COMPLETED and speaks and _left_at_once(told):
        return Ruled(Ruling.INCONCLUSIVE, f"it closed right after the handshake, without data{must}", Needs.HABIT, then)
    return Ruled(Ruling.INCONCLUSIVE, answer.why)


def root_ruling(reading: RootReading) -> Ruling:
    """What a root probe's conclusion comes to. Data under a root that nobody knows is what no client may send."""
    if reading.accepts_unknown_root:
        return Ruling.FAIL
    match reading.trust:
        case Trust.TRUSTED:
            return Ruling.PASS
        case Trust.NOT_TRUSTED:
            return Ruling.FAIL
        case Trust.INCONCLUSIVE:
            return Ruling.INCONCLUSIVE


def _left_at_once(told: Told) -> bool:
    return told.ended_by is EndedBy.CLIENT and told.stayed_s < _AT_ONCE_S


# --- all connections of a client


@dataclass(eq=False, slots=True)
class Tally:
    """All connections of one client to one offer."""

    offer: Offer
    reactions: Counter[Reaction] = field(default_factory=Counter)
    alerts: Counter[tuple[int, str]] = field(default_factory=Counter)
    "The client's alerts, by number and name."
    _ruled: dict[Ruling, str] = field(default_factory=dict)
    "Every ruling that stands by itself, with the latest reason."
    _open: dict[Needs, tuple[Ruling, str]] = field(default_factory=dict)
    "What still needs something."
    _settled: dict[Needs, tuple[Ruling, str]] = field(default_factory=dict)
    "What has got it."

    def take(self, told: Told, ruled: Ruled) -> None:
        """Count a connection."""
        self.reactions[answer_to(told).reaction] += 1
        alert = (told.alert.description, told.alert.name) if told.alert else None
        if alert is not None and (alert in self.alerts or len(self.alerts) < _ALERTS_LIMIT):
            self.alerts[alert] += 1
        if ruled.needs is Needs.NOTHING:
            self._ruled[ruled.ruling] = ruled.why
        else:
            self._open[ruled.needs] = (ruled.then, ruled.why)

    def settle(self, needs: Needs) -> bool:
        """The client did what was needed. Gives whether that decides anything here."""
        open_one = self._open.pop(needs, None)
        if open_one is None:
            return False
        ruling, why = open_one
        later = {Needs.CONTROL: "the control came later", Needs.HABIT: "it sends data over the good chain each time"}
        self._settled[needs] = (ruling, f"{why.removesuffix('; no control yet')}; {later[needs]}")
        return True

    def lose_habit(self) -> bool:
        """The client does not always speak. Gives whether that takes a conclusion back."""
        lost = self._settled.pop(Needs.HABIT, None)
        if lost or self._open.pop(Needs.HABIT, None):
            why = "handshake completed, no data; it does not always send data over the good chain either"
            self._ruled[Ruling.INCONCLUSIVE] = why
        return lost is not None

    @property
    def ruling(self) -> Ruling:
        """The conclusion. One acceptance of what must be refused is one too many; one of what is good is enough."""
        order = [Ruling.FAIL, Ruling.WARN, Ruling.PASS, Ruling.INCONCLUSIVE, Ruling.RECORDED]
        if self.offer.due.verdict_for_a_good_client is GoodClient.ACCEPTS:
            order = [Ruling.PASS, *(one for one in order if one is not Ruling.PASS)]
        return next((one for one in order if one in self._reasons()), Ruling.NOT_JUDGED)

    @property
    def why(self) -> str:
        """The reason."""
        return self._reasons().get(self.ruling, "")

    def _reasons(self) -> dict[Ruling, str]:
        """Every ruling that there is ground for, with its reason."""
        open_ones = [(Ruling.INCONCLUSIVE, why) for _, why in self._open.values()]
        return {**self._ruled, **dict([*self._settled.values(), *open_ones])}


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
    "Whether it has completed a handshake with the good chain."
    spoke: bool = False
    "Whether it has sent data over the good chain."
    was_silent: bool = False
    "Whether it has also completed a handshake with the good chain and sent none."
    tallies: dict[str, Tally] = field(default_factory=dict)
    "By the offer's name."
    answers: ProbeAnswers | None = None
    "To the root probe; None if it has answered none of its steps."
    not_judged: Counter[str] = field(default_factory=Counter)
    "Connections without a TLS client, by what they were."
    shapes: dict[str, Shape] = field(default_factory=dict)
    "By fingerprint; a program can have several, and several programs an address."


@dataclass(frozen=True, slots=True)
class Entry:
    """What is concluded when a connection has ended."""

    ruled: Ruled
    settled: tuple[Tally, ...] = ()
    "What this decides of earlier connections of the same client, or takes back."


class Ledger:
    """Keeps what every client did. Bounded in what it keeps, whatever clients do."""

    def __init__(self, root: str = "", modes: Sequence[Mode] = ()) -> None:
        """``root`` is what the root probe asks for, by its authority's name, and ``modes`` how; empty without one."""
        self.clients: dict[str, Client] = {}
        self.beyond = 0
        "Connections from addresses beyond :data:`CLIENTS_LIMIT`: they are not judged."
        self._root = root
        self._modes = tuple(modes)

    def take(self, address: str, told: Told) -> Entry:
        """A connection from ``address`` has ended."""
        client = self._client(address)
        if client is None:
            return Entry(Ruled(Ruling.NOT_JUDGED, "too many addresses: it is not judged"))
        _note_hello(client, told.hello)
        settled = _settle(client, told) if accepts_good(told) else ()
        ruled = rule(told, control=client.accepts_good, speaks=client.spoke and not client.was_silent)
        if ruled.ruling is Ruling.NOT_JUDGED:
            client.not_judged[ruled.why] += 1
        else:
            client.tallies.setdefault(told.offer.name, Tally(told.offer)).take(told, ruled)
        return Entry(ruled, settled)

    def take_answer(self, address: str, told: ProbeTold) -> RootReading | None:
        """A connection from ``address`` to a step of the root probe has ended.

        Gives what the client's answers say, once it has answered each role of the step's mode and whenever that says
        something else than before.
        """
        client = self._client(address)
        if client is None:
            return None
        _note_hello(client, told.hello)
        if told.answer is None or told.hello is None:
            # Who was cut off, and who is no TLS client, has not been asked.
            client.not_judged[unasked(told)] += 1
            return None
        client.answers = client.answers or ProbeAnswers(self._root, self._modes)
        return client.answers.take(told.offer.mode, told.offer.role, told.answer)

    def _client(self, address: str) -> Client | None:
        """Who connects now; None if there are too many."""
        client = self.clients.get(address)
        if client is None and len(self.clients) >= CLIENTS_LIMIT:
            self.beyond += 1
            return None
        if client is None:
            client = self.clients[address] = Client(address)
        client.connections += 1
        return client

    @property
    def rulings(self) -> Counter[Ruling]:
        """How many conclusions there are of each kind, over all clients, offers and readings of the root probe."""
        clients = self.clients.values()
        return Counter(
            [
                *(tally.ruling for client in clients for tally in client.tallies.values()),
                *(root_ruling(client.answers.reading) for client in clients if client.answers is not None),
            ]
        )


def unasked(told: ProbeTold) -> str:
    """Why a connection to a step of the root probe has no answer of a TLS client."""
    if told.cleartext:
        return "it does not speak TLS here"
    return "no ClientHello that can be read" if told.hello is None else "it was cut off before it had answered"


def _settle(client: Client, good: Told) -> tuple[Tally, ...]:
    """A connection to the good chain decides earlier ones. Gives those whose conclusion is another now."""
    tallies = list(client.tallies.values())
    changed = [] if client.accepts_good else [one for one in tallies if one.settle(Needs.CONTROL)]
    client.accepts_good = True
    if not good.data:
        client.was_silent = True
        changed += [one for one in tallies if one.lose_habit()]
    else:
        client.spoke = True
        changed += [one for one in tallies if one.settle(Needs.HABIT)]
    return tuple(dict.fromkeys(changed))


def _note_hello(client: Client, hello: ClientHelloSeen | None) -> None:
    if hello is None:
        return
    mark = fingerprint(hello)
    if mark not in client.shapes and len(client.shapes) < _SHAPES_LIMIT:
        name = printable(hello.server_name or "", at_most=100)
        client.shapes[mark] = Shape(mark, hello.versions, hello.cipher_suites, name)
    if mark in client.shapes:
        client.shapes[mark].count += 1
