from __future__ import annotations

from datetime import UTC, datetime

from certsuite.tls.templates import AFTER, BEFORE, Names, Part, good_chain


def test_names() -> None:
    names = Names("obp.lab.example", ("edge1.lab.example", "obp.lab.example"))
    assert names.all == ("obp.lab.example", "edge1.lab.example")
    assert names.parent == "lab.example"
    assert names.below_parent("*") == "*.lab.example"
    assert Names("localhost").below_parent("other") == "other"


def test_the_good_chain() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    chain = good_chain(Names("obp.lab.example", ("edge1.lab.example",)), now)
    assert chain.sent == (Part.LEAF, Part.INTERMEDIATE)
    assert chain.leaf.dns_names == ("obp.lab.example", "edge1.lab.example")
    assert (chain.leaf.not_before, chain.leaf.not_after) == (now - BEFORE, now + AFTER)
