"""The media of one call leg: its offers and answers (RFC 3264), and the stream that does what they agree on."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from certsuite.core.events import MediaNotAgreed
from certsuite.core.journal import Journal
from certsuite.edge.media_stream import MediaStream
from certsuite.media.codecs import CodecError
from certsuite.media.srtp import SrtpError
from certsuite.sdp.crypto import Crypto
from certsuite.sdp.offer_answer import Agreement, NoAgreement, agree, answer
from certsuite.sdp.session import Attribute, Direction, SdpError, SessionDescription
from certsuite.sdp.terms import WEBEX_TERMS, MediaTerms
from certsuite.sip.message import SipMessage


@dataclass(frozen=True, slots=True)
class Place:
    """Where a leg stands in the record."""

    call_id: str
    line: int
    flow: str
    edge: str


class LegMedia:
    """One end of one audio stream, and what it says of itself."""

    def __init__(self, journal: Journal, stream: MediaStream, place: Callable[[], Place]) -> None:
        self.stream = stream
        self.terms: MediaTerms = WEBEX_TERMS
        "What is offered, and what is taken of offers."
        self.agreement: Agreement | None = None
        self._journal = journal
        self._place = place
        self._session_id = secrets.randbits(31)
        self._version = 0
        self._crypto: Crypto | None = None
        "The key of ours that was agreed on last."
        self._offered: SessionDescription | None = None
        "An offer of ours that is not answered yet."
        self._described: SessionDescription | None = None
        "What we said last."

    @staticmethod
    def suites_offered(body: bytes) -> list[str]:
        """Crypto suites of a description's audio, in order; none of what is no description."""
        try:
            audio = SessionDescription.parse(body).audio
        except SdpError:
            return []
        lines = audio.values("crypto") if audio is not None else ()
        return [line.split()[1] for line in lines if len(line.split()) > 1]

    @property
    def offer_open(self) -> bool:
        """Whether an offer of ours waits for its answer."""
        return self._offered is not None

    def offer(self) -> bytes:
        """An offer by the terms. A key that was agreed on stays, unless they ask for new ones."""
        self._version += 1
        self._offered = self._described = self.terms.offer(
            self.stream.address,
            self.stream.port,
            self._lines(),
            session_id=self._session_id,
            version=self._version,
        )
        return bytes(self._offered)

    def reoffer(self) -> bytes:
        """What we said last, offered again: it changes nothing (RFC 3264 section 8)."""
        assert self._described is not None
        self._offered = self._described
        return bytes(self._offered)

    def offer_refused(self) -> None:
        """Our offer was refused: the session stays as it was (RFC 3261 section 14.1)."""
        self._offered = None

    def description_for(self, request: SipMessage) -> bytes | None:
        """Our answer to the device's offer, or our offer if it makes none; ``None`` if there is nothing to take."""
        return self.answer(request) if request.has_sdp else self.offer()

    def answer(self, message: SipMessage) -> bytes | None:
        """Our answer to the device's offer, with the media set accordingly; ``None`` if there is nothing to take."""
        try:
            offer = SessionDescription.parse(message.body)
            self._version += 1
            ours = answer(
                offer,
                address=self.stream.address,
                port=self.stream.port,
                random_bytes=secrets.token_bytes,
                codecs=self.terms.codecs,
                suites=self.terms.suites,
                local_crypto=None if self.terms.new_keys else self._crypto,
                require_srtp=bool(self.terms.suites),
                session_id=self._session_id,
                version=self._version,
            )
        except SdpError as error:
            self._not_agreed("sdp-unreadable", str(error))
            return None
        except NoAgreement as error:
            self._not_agreed(error.reason_code, str(error))
            return None
        if not self._agree(offer, ours, we_offered=False):
            return None
        self._described = ours
        return bytes(_misnamed(ours, self.terms.answers_suite) if self.terms.answers_suite else ours)

    def take_answer(self, message: SipMessage) -> None:
        """The device's answer to our offer, in a 2xx or in an ACK."""
        ours, self._offered = self._offered, None
        assert ours is not None
        try:
            theirs = SessionDescription.parse(message.body)
        except SdpError as error:
            self._not_agreed("sdp-unreadable", str(error))
            return
        self._agree(ours, theirs, we_offered=True)

    def _lines(self) -> tuple[Crypto, ...]:
        """The crypto lines of an offer."""
        terms, kept = self.terms, self._crypto
        if kept is not None and terms.suites == (kept.suite,) and not (terms.new_keys or terms.tags):
            return (kept,)
        tags = terms.tags or range(1, len(terms.suites) + 1)
        named = zip(tags, terms.suites, strict=True)
        return tuple(Crypto.mint(tag, suite, secrets.token_bytes) for tag, suite in named)

    def _agree(self, offer: SessionDescription, reply: SessionDescription, *, we_offered: bool) -> bool:
        """Set the media as offer and answer say; whether they make a stream."""
        place = self._place()
        try:
            agreement = agree(offer, reply, we_offered=we_offered)
            self.stream.configure(agreement, call_id=place.call_id, line=place.line, flow=place.flow, edge=place.edge)
        except NoAgreement as error:
            self._not_agreed(error.reason_code, str(error))
            return False
        except (CodecError, SrtpError) as error:
            # Agreed by the rules, and beyond what a party can do: G.729 stands in the offer of the real SBC.
            self._not_agreed("not-playable", str(error))
            return False
        self.agreement = agreement
        if agreement.local_crypto is not None:
            self._crypto = agreement.local_crypto
        self.stream.mute(self.terms.latches or agreement.direction in (Direction.RECVONLY, Direction.INACTIVE))
        return True

    def _not_agreed(self, code: str, reason: str) -> None:
        place = self._place()
        self._journal.record(
            MediaNotAgreed(place.call_id, code, reason),
            line=place.line,
            flow=place.flow,
            edge=place.edge,
            direction="in",
        )


def _misnamed(answer: SessionDescription, suite: str) -> SessionDescription:
    """An answer whose crypto line names another suite than was offered under its tag, with a key that fits it."""
    section = answer.audio
    assert section is not None
    tag = int(section.values("crypto")[0].split()[0])
    line = Attribute("crypto", Crypto.mint(tag, suite, secrets.token_bytes).format())
    attributes = tuple(line if item.name == "crypto" else item for item in section.attributes)
    return answer.with_audio(replace(section, attributes=attributes))
