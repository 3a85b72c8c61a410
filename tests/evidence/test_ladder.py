"""The drawing of a ladder: well-formed, bounded, and without anything live."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from certsuite.core.events import DnsQuery, Event, FlowOpened, Note, SipMessageSeen
from certsuite.core.observations import Observation
from certsuite.evidence.ladder import MOST_ROWS, ladder_svg

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\"'&]]>\x1b[31m\x00\u202e\ufffe\ud800" + "A" * 60_000


def seen(*events: Event) -> list[Observation]:
    return [
        Observation(number, 0, number * 20_000_000, "", event, flow="f1", edge="primary", direction="in")
        for number, event in enumerate(events)
    ]


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_it_is_a_standalone_drawing() -> None:
    svg = ladder_svg(seen(DnsQuery("udp", "", "example.", "A", "NOERROR", ("127.0.0.1",))), title="A case")
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title") == "A case"
    assert {"Device", "DNS", "A example.?", "NOERROR 127.0.0.1", "0.000", "#0"} <= set(texts(svg))
    assert len(root.findall(f".//{SVG}polygon")) == 2
    assert root.find(f".//{SVG}script") is None


def test_nothing_seen_is_said() -> None:
    assert "Nothing was seen." in texts(ladder_svg([], title="x"))


def test_a_long_ladder_keeps_its_beginning_and_its_end() -> None:
    svg = ladder_svg(seen(*(Note(f"note {number}") for number in range(1000))), title="long")
    shown = [text for text in texts(svg) if text.startswith(("note", "…"))]
    assert len(shown) == MOST_ROWS
    assert shown[0] == "note 0"
    assert shown[-1] == "note 999"
    (gap,) = (text for text in shown if text.startswith("…"))
    assert gap == "… left out here: numbers 110 to 960 of record.jsonl …"


def test_hostile_strings_are_text() -> None:
    raw = f"INVITE {HOSTILE.replace(' ', '')} SIP/2.0\r\nUser-Agent: {HOSTILE}\r\n\r\n".encode("utf-8", "surrogatepass")
    svg = ladder_svg(
        seen(
            Note(HOSTILE),
            FlowOpened(HOSTILE, HOSTILE, "device", HOSTILE),
            DnsQuery(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, (HOSTILE,) * 9),
            SipMessageSeen(raw),
            SipMessageSeen(HOSTILE.encode("utf-8", "surrogatepass")),
        ),
        title=HOSTILE,
    )
    svg.encode("utf-8")
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()}
    assert tags <= {"svg", "title", "style", "line", "rect", "text", "g", "polygon"}
    assert len(svg) < 20_000


def test_what_does_not_fit_is_cut_and_kept_in_a_tooltip() -> None:
    svg = ladder_svg(seen(Note("x" * 190)), title="t")
    (label,) = (element for element in ET.fromstring(svg).iter(f"{SVG}text") if "xx" in "".join(element.itertext()))
    assert label.findtext(f"{SVG}title") == "x" * 190
    tail = label[0].tail or ""
    assert tail.endswith("…")
    assert len(tail) < 150
