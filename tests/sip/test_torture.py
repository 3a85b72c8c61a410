"""RFC 4475's 49 messages through framer, parser and strict parser: nothing crashes, and what is framed is known."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from certsuite.sip.framer import Framed, Garbage, StreamFramer
from certsuite.sip.message import SipMessage, read
from certsuite.sip.strict import strict_error

CORPUS = Path(__file__).parents[1] / "data" / "rfc4475"
MESSAGES = {path.stem: path.read_bytes() for path in sorted(CORPUS.glob("*.dat"))}
DIGEST = "c130abdedde20f53b7f1c70181dc8fc115afd568a12977d7db3d597f39a21378"
"SHA-256 of all, in the order of their names."

NOT_WHOLE = {
    "baddn": "the empty line after the headers is missing",
    "clerr": "Content-Length announces more than is there",
}
"On a stream the rest may still come."

MORE_THAN_ONE = {
    "dblreq": [
        "REGISTER",
        "INVITE",
        "garbage",
    ],  # a second request in the datagram, its Content-Length short of the body
    "inv2543": ["INVITE", "garbage"],  # an RFC 2543 INVITE without Content-Length, which a stream needs
    "ncl": ["INVITE", "garbage"],  # Content-Length: -999
    "mcl01": [
        "OPTIONS",
        "unreadable",
    ],  # two Content-Lengths; the first is taken, and the rest of the body looks framed
}
"What a stream gives where the message's end is not where the message says."

UNREADABLE = {"bigcode": "a status of ten digits"}

REFUSED_BY_A_STRICT_PARSER = {
    "badaspec",
    "baddn",
    "badinv01",
    "badvers",
    "escruri",
    "insuf",
    "ltgtruri",
    "lwsruri",
    "novelsc",
    "quotbal",
    "regbadct",
    "scalar02",
    "trws",
    # Valid, and refused for a scheme, a parameter or white space that the strict parser does not know.
    "lwsstart",
    "regescrt",
    "semiuri",
    "unkscm",
    "unksm2",
    "wsinv",
}


def framed(raw: bytes) -> list[str]:
    """What the stream gives: methods, statuses, ``unreadable``, ``garbage``."""
    parts = []
    for part in StreamFramer().feed(raw):
        if isinstance(part, Framed):
            message = read(part.raw)
            parts.append("unreadable" if message is None else message.method or str(message.status))
        elif isinstance(part, Garbage):
            parts.append("garbage")
    return parts


def test_the_corpus_is_whole() -> None:
    assert len(MESSAGES) == 49
    # Ends of lines are the point of some of these: no checkout may have changed them.
    assert hashlib.sha256(b"".join(MESSAGES.values())).hexdigest() == DIGEST


@pytest.mark.parametrize("name", MESSAGES)
def test_through_the_framer(name: str) -> None:
    raw = MESSAGES[name]
    parts = framed(raw)
    if name in NOT_WHOLE:
        assert parts == []
    elif name in MORE_THAN_ONE:
        assert parts == MORE_THAN_ONE[name]
    else:
        assert list(StreamFramer().feed(raw)) == [Framed(raw)]
        assert parts == ["unreadable" if name in UNREADABLE else raw.split()[raw.startswith(b"SIP/")].decode()]


@pytest.mark.parametrize("name", MESSAGES)
def test_through_the_parser(name: str) -> None:
    raw = MESSAGES[name]
    if name in UNREADABLE:
        with pytest.raises(ValueError, match="neither a request line nor a status line"):
            SipMessage.parse(raw)
        return
    message = SipMessage.parse(raw)
    read_of_it = (
        message.call_id,
        message.cseq,
        message.branch,
        message.from_tag,
        message.to_tag,
        message.contact_uri,
        message.expires,
        message.user_agent,
        message.has_sdp,
    )
    assert read_of_it
    assert bool(message.call_id) is (name != "insuf")
    again = SipMessage.parse(message.to_bytes())
    assert (again.method, again.status, again.call_id, again.cseq) == (
        message.method,
        message.status,
        message.call_id,
        message.cseq,
    )
    assert again.body == message.body


@pytest.mark.parametrize("name", MESSAGES)
def test_through_a_strict_parser(name: str) -> None:
    assert bool(strict_error(MESSAGES[name])) is (name in REFUSED_BY_A_STRICT_PARSER)


def test_odd_white_space_is_read() -> None:
    """Section 3.1.1.1: folded headers, white space around colons, names in any case."""
    message = SipMessage.parse(MESSAGES["wsinv"])
    assert message.cseq == (9, "INVITE")
    assert message.to_tag == "1918181833n"
    assert message.from_tag == "98asjd8"
    assert message.has_sdp
    assert len(message.body) == 150


def test_extreme_numbers_are_read() -> None:
    """Section 3.1.2.4: 2^32 and more in CSeq, Max-Forwards and Expires."""
    message = SipMessage.parse(MESSAGES["scalar02"])
    assert message.cseq == (36893488147419103232, "REGISTER")
    assert message.expires is not None
    assert message.expires > 2**31


def test_zero_bytes_are_kept() -> None:
    """Section 3.1.1.4: escaped zeros in URIs are no end of anything."""
    message = SipMessage.parse(MESSAGES["escnull"])
    assert "%00" in (message.get("To") or "")
