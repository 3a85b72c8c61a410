"""RTCP between two streams of the media loop, on real sockets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from certsuite.core.events import Event, RtcpSeen
from certsuite.core.observations import IN, OUT
from certsuite.edge.media_stream import MediaStream
from certsuite.media.rtcp import pack
from certsuite.sdp.crypto import Crypto
from certsuite.sdp.offer_answer import Agreement, agree, answer
from certsuite.sdp.session import Attribute
from certsuite.sdp.terms import MediaTerms
from tests.edge.test_media import HOST, SUITE, Bench, Phone


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    made.loop.start()
    yield made
    made.loop.stop()


def seen(bench: Bench, call_id: str, kinds: tuple[str, ...]) -> RtcpSeen:
    """The first report of a call that came in."""

    def matches(event: Event) -> bool:
        return isinstance(event, RtcpSeen) and event.call_id == call_id and event.kinds == kinds and bool(event.cname)

    event = bench.wait_for(matches).event
    assert isinstance(event, RtcpSeen)
    return event


def multiplexed(bench: Bench) -> tuple[MediaStream, MediaStream, Agreement, Agreement]:
    ours, theirs = bench.loop.open(HOST), bench.loop.open(HOST)
    lines = (Crypto.mint(1, SUITE, os.urandom),)
    offer = MediaTerms(multiplexed=True).offer(HOST, ours.port, lines, session_id=1, version=1)
    reply = answer(offer, address=HOST, port=theirs.port, random_bytes=os.urandom, codecs=["PCMU"])
    audio = reply.audio
    assert audio is not None
    reply = reply.with_audio(replace(audio, attributes=(*audio.attributes, Attribute("rtcp-mux"))))
    return ours, theirs, agree(offer, reply, we_offered=True), agree(offer, reply, we_offered=False)


@pytest.mark.parametrize("on_one_port", [False, True])
def test_each_reports_to_the_other_and_says_goodbye(bench: Bench, on_one_port: bool) -> None:
    ours, theirs, mine, other = multiplexed(bench) if on_one_port else bench.pair()
    ours.configure(mine, call_id="a")
    theirs.configure(other, call_id="b")
    report = seen(bench, "b", ("SR", "SDES"))
    assert (report.protection, report.multiplexed, report.flaw) == ("srtcp", on_one_port, "")
    assert report.local == f"{HOST}:{theirs.port}"
    ours.close()
    assert seen(bench, "b", ("SR", "SDES", "BYE")).ssrc == report.ssrc
    records = [one for one in bench.journal.since(0) if isinstance(one.event, RtcpSeen)]
    assert {one.direction for one in records} == {IN, OUT}
    ports = {source[1] for source, _, data, _ in bench.frames.datagrams if 200 <= data[1] <= 203}
    own = {stream.port + (0 if on_one_port else 1) for stream in (ours, theirs)}
    assert ours.port + (0 if on_one_port else 1) in ports
    assert ports <= own
    assert all(one.frame is not None for one in records)


def test_a_report_in_the_clear_at_either_port(bench: Bench) -> None:
    stream = bench.loop.open(HOST)
    phone = Phone(stream)
    stream.configure(phone.agreement, call_id="a")
    phone.socket.sendto(b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12), (HOST, stream.port + 1))
    for port, name in ((stream.port, "one"), (stream.port + 1, "two")):
        phone.socket.sendto(pack(9, name), (HOST, port))

        def came(event: Event, name: str = name) -> bool:
            return isinstance(event, RtcpSeen) and event.cname == name

        event = bench.wait_for(came).event
        assert isinstance(event, RtcpSeen)
        assert (event.protection, event.multiplexed) == ("none", port == stream.port)
    told = [one.event for one in bench.journal.since(0) if isinstance(one.event, RtcpSeen)]
    assert all(one.protection == "none" for one in told), "STUN is no RTCP"
    phone.socket.close()


def test_a_device_without_an_address_for_it_gets_none(bench: Bench) -> None:
    stream = bench.loop.open(HOST)
    phone = Phone(stream)
    stream.configure(phone.agreement, call_id="a")
    bench.wait_for(lambda event: event.kind == "media-window")
    stream.close()
    bench.wait_for(lambda event: event.kind == "media-closed")
    assert not [one for one in bench.journal.since(0) if isinstance(one.event, RtcpSeen)]
    phone.socket.close()
