"""Which questions a behaviour is about."""

from __future__ import annotations

import pytest

from certsuite.dns.behaviour import GOOD, DnsBehaviour


def test_a_good_server_is_the_default() -> None:
    assert DnsBehaviour() == GOOD
    assert GOOD.answers
    assert GOOD.understands_edns


@pytest.mark.parametrize(
    ("types", "names", "name", "type", "about"),
    [
        ((), (), "a.example", "SRV", True),
        (("SRV",), (), "a.example", "SRV", True),
        (("SRV",), (), "a.example", "A", False),
        ((), ("a.example",), "A.Example.", "A", True),
        ((), ("a.example",), "b.a.example", "A", False),
        (("A", "AAAA"), ("a.example",), "a.example", "SRV", False),
    ],
)
def test_it_is_about_types_and_names(
    types: tuple[str, ...], names: tuple[str, ...], name: str, type: str, about: bool
) -> None:
    behaviour = DnsBehaviour("x", types=frozenset(types), names=frozenset(names))
    assert behaviour.is_about(name, type) is about


def test_what_is_no_name_is_told() -> None:
    with pytest.raises(ValueError, match="no domain name"):
        DnsBehaviour("x", names=frozenset({"a.example"})).is_about("a..b", "A")
