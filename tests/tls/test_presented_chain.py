"""Chains in the order and disorder in which servers send them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certsuite.core.errors import BenchError
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki
from certsuite.tls.presented_chain import read_chain
from certsuite.tls.probe_roots import certificates_of_pem, known_roots

CHAINS = Path(__file__).parents[1] / "data" / "chains"


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        yield Pki.mint(datetime.now(UTC), Names("edge.lab.example"), keys)


def ders(*certificates: x509.Certificate) -> list[bytes]:
    return [one.public_bytes(Encoding.DER) for one in certificates]


def genuine() -> list[bytes]:
    return [one.der for one in certificates_of_pem((CHAINS / "identrust.com-expired-2020.pem").read_bytes())]


def test_a_genuine_chain_hangs_from_its_root() -> None:
    read = read_chain(genuine())
    assert read.root is not None
    assert read.root.name == "identrust"
    assert ders(*read.chain) == genuine()
    assert read.left_out == ()


def test_a_root_that_is_sent_is_left_out() -> None:
    root = known_roots()["identrust"].certificate.der
    read = read_chain([*genuine(), root])
    assert ders(*read.chain) == genuine()
    assert ders(*read.left_out) == [root]


def test_another_root_is_none_that_is_known(pki: Pki) -> None:
    shown = pki.presentation("path-length-exceeded").chain
    assert len(shown) == 3
    read = read_chain(ders(*shown))
    assert (read.chain, read.left_out, read.root) == (shown, (), None)


def test_order_is_made_and_strangers_are_left_out(pki: Pki) -> None:
    good = pki.presentation("good").chain
    for name in ("misordered-chain", "superfluous-certificates"):
        read = read_chain(ders(*pki.presentation(name).chain))
        assert read.chain[1:] == good[1:]
        assert len(read.chain) == 2
        assert pki.lab.root in read.left_out


def test_a_leaf_that_signs_itself_is_its_own_chain(pki: Pki) -> None:
    shown = pki.presentation("self-signed").chain
    assert read_chain(ders(*shown)).chain == shown


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(BenchError, match="presented no certificate"):
        read_chain([])
    with pytest.raises(BenchError, match="certificate 2 that the server presented cannot be read"):
        read_chain([genuine()[0], b"\x30\x03\x02\x01\x00"])
