"""Every kind of event as a line of the record, and back."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certsuite.core.errors import RecordError
from certsuite.core.events import KINDS, Event, Note, SipMessageSeen
from certsuite.core.observations import Observation, utc_text

_TEXT = st.text(st.characters(codec=None, exclude_categories=[]), max_size=20)
_NUMBER = st.integers(-(2**63), 2**64)
_PLAIN = st.recursive(
    st.none() | st.booleans() | _NUMBER | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
    max_leaves=5,
)


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values that an event's field may have."""
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)
        if inner[-1] is Ellipsis:
            return st.lists(values_of(inner[0]), max_size=3).map(tuple)
        return st.tuples(*map(values_of, inner))
    if typing.get_origin(hint) is dict:
        value = typing.get_args(hint)[1]
        return st.dictionaries(_TEXT, _PLAIN if value is Any else values_of(value), max_size=3)
    if type(None) in typing.get_args(hint):
        return st.none() | values_of(next(one for one in typing.get_args(hint) if one is not type(None)))
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: _TEXT,
        int: _NUMBER,
        bool: st.booleans(),
        bytes: st.binary(max_size=40),
        float: st.floats(allow_nan=False),
    }
    return plain[hint]


def events(kind: type[Event]) -> st.SearchStrategy[Event]:
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: values_of(hints[field.name]) for field in dataclasses.fields(kind)})


def placed(event: Event, data: st.DataObject) -> Observation:
    maybe = st.none() | _TEXT
    return Observation(
        seq=data.draw(st.integers(0, 2**40)),
        segment=data.draw(st.integers(0, 9)),
        t_mono_ns=data.draw(st.integers(0, 2**63)),
        t_utc="2026-11-21T20:15:00.000000Z",
        event=event,
        case=data.draw(_TEXT),
        variant=data.draw(_TEXT),
        line=data.draw(st.none() | st.integers(1, 100)),
        flow=data.draw(maybe),
        edge=data.draw(maybe),
        direction=data.draw(st.sampled_from([None, "in", "out"])),
        frame=data.draw(st.none() | st.integers(1, 2**40)),
    )


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15)
@given(data=st.data())
def test_there_and_back(kind: str, data: st.DataObject) -> None:
    observation = placed(data.draw(events(KINDS[kind])), data)
    line = observation.to_json()
    assert line.isascii()
    assert "\n" not in line
    assert Observation.from_json(line) == observation


def test_every_kind_is_known_by_its_name() -> None:
    assert len(KINDS) > 30
    for name, kind in KINDS.items():
        assert kind.kind == name
        assert kind.__doc__


def test_a_line_can_be_read_by_a_person() -> None:
    observation = Observation(
        3, 0, 5_000_000_000, "2026-11-21T20:15:00.000000Z", SipMessageSeen(b"BYE \xff\r\n"), flow="f1", direction="in"
    )
    line = json.loads(observation.to_json())
    assert (line["seq"], line["kind"], line["flow"], line["raw"]) == (3, "sip", "f1", "BYE \xff\r\n")
    assert observation.t == 5.0


def test_a_field_of_an_event_does_not_hide_one_of_its_place() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Odd(Event):
        kind: ClassVar[str] = "odd-test-event"
        line: int

    KINDS["odd-test-event"] = Odd
    try:
        observation = Observation(1, 0, 0, "", Odd(line=7), line=2)
        assert Observation.from_json(observation.to_json()) == observation
    finally:
        del KINDS["odd-test-event"]


def test_a_field_that_came_later_has_its_default() -> None:
    line = json.loads(Observation(1, 0, 0, "", SipMessageSeen(b"x", "odd")).to_json())
    del line["strict_error"]
    assert Observation.from_json(json.dumps(line)).event == SipMessageSeen(b"x", "")


GOOD = json.loads(Observation(1, 0, 0, "", Note("x")).to_json())
SIP = json.loads(Observation(1, 0, 0, "", SipMessageSeen(b"x")).to_json())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "7",
        "[]",
        "null",
        '"text"',
        "{}",
        json.dumps({**GOOD, "kind": "no-such"}),
        json.dumps({**GOOD, "kind": ["note"]}),
        json.dumps({name: value for name, value in GOOD.items() if name != "text"}),
        json.dumps({name: value for name, value in GOOD.items() if name != "seq"}),
        json.dumps({**SIP, "raw": 5}),
        json.dumps({**SIP, "raw": "\u20ac"}),
        Observation(1, 0, 0, "", Note("x")).to_json()[:-5],
    ],
)
def test_what_is_no_line_of_a_record_is_told(text: str) -> None:
    with pytest.raises(RecordError, match="not a line of a record"):
        Observation.from_json(text)


def test_times_are_written_alike() -> None:
    assert utc_text(1_795_292_100.5) == "2026-11-21T20:15:00.500000Z"
    assert utc_text(1_795_292_100) == "2026-11-21T20:15:00.000000Z"
