"""What is offered for which names, and that each offer is what it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from cryptography import x509

from certsuite.core.errors import UsageError
from certsuite.core.verdicts import Level
from certsuite.tls.keys import KeyPool
from certsuite.tls.offers import GOOD, About, Offers, make_offers
from certsuite.tls.pki import RECIPES, Names, Pki
from certsuite.tls.recipes import GoodClient

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyPool]:
    with KeyPool() as pool:
        yield pool


def offers_for(names: Names, keys: KeyPool) -> Offers:
    return make_offers(Pki.mint(NOW, names, keys))


def san(offers: Offers, name: str) -> list[object]:
    offer = next(one for one in offers.offered if one.name == name)
    leaf = offer.behaviour.presentation.chain[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [one.value for one in names]


def test_every_presentation_is_offered_or_said_to_be_left_out(keys: KeyPool) -> None:
    offers = offers_for(Names("obp.lab.example"), keys)
    names = [one.name for one in offers.offered]
    assert names[0] == GOOD
    assert len(set(names)) == len(names)
    assert {one.name for one in RECIPES} == {one.name for one in offers.offered if one.about is About.CERTIFICATE} | {
        one.name for one in offers.left_out
    }
    assert {one.name: one.why for one in offers.left_out} == {
        "san-proxy-only": "it is the same as good for this name",
        "san-target-only": "a certificate for the SRV targets alone needs a target beside the outbound proxy",
    }


def test_with_targets_nothing_is_left_out(keys: KeyPool) -> None:
    assert offers_for(Names("obp.lab.example", ("edge1.lab.example",)), keys).left_out == ()


def test_versions_are_offered_alone_and_old_ones_are_due_to_be_refused(keys: KeyPool) -> None:
    offers = offers_for(Names("localhost"), keys)
    rows = {
        one.name: (one.behaviour.versions, one.due.verdict_for_a_good_client, one.due.level)
        for one in offers.offered
        if one.about is About.VERSION
    }
    assert rows == {
        "tls-1.0": (("TLSv1",), GoodClient.REFUSES, Level.MANDATORY),
        "tls-1.1": (("TLSv1.1",), GoodClient.REFUSES, Level.MANDATORY),
        "tls-1.2": (("TLSv1.2",), GoodClient.ACCEPTS, Level.MANDATORY),
        "tls-1.3": (("TLSv1.3",), GoodClient.EITHER, Level.INFORMATIVE),
    }


def test_an_address_is_named_as_one(keys: KeyPool) -> None:
    offers = offers_for(Names("192.0.2.7", addresses=("192.0.2.7",)), keys)
    assert san(offers, "good") == [ip_address("192.0.2.7")]
    assert san(offers, "expired") == [ip_address("192.0.2.7")]
    assert san(offers, "wrong-host") == ["other.0.2.7"]
    assert ip_address("192.0.2.7") in san(offers, "large-chain")


def test_what_is_about_host_names_is_left_out_for_an_address(keys: KeyPool) -> None:
    """A client that asks for an address rightly accepts or refuses these for another reason."""
    left_out = {one.name for one in offers_for(Names("192.0.2.7", addresses=("192.0.2.7",)), keys).left_out}
    assert left_out == {
        *("wildcard", "san-proxy-only", "san-target-only", "name-constraints-violated"),
        "ip-address-only",
    }


def test_some_alone_are_with_the_good_one(keys: KeyPool) -> None:
    pki = Pki.mint(NOW, Names("localhost"), keys)
    some = make_offers(pki, ["tls-1.2", "expired"])
    assert [one.name for one in some.offered] == ["good", "expired", "tls-1.2"]
    assert some.left_out == ()
    with pytest.raises(UsageError, match="nothing is named 'exspired'; there are good, unknown-root"):
        make_offers(pki, ["exspired"])
    with pytest.raises(UsageError, match="san-proxy-only cannot be offered here: it is the same as good"):
        make_offers(pki, ["san-proxy-only"])
