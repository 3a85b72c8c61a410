from __future__ import annotations

import os
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certsuite.tls import keys as keys_
from certsuite.tls.keys import KeyKind, KeyPool, PrivateKey


def test_a_role_keeps_its_key() -> None:
    with KeyPool(ahead=1) as keys:
        root = keys.key("root")
        leaf = keys.key("leaf")
        assert keys.key("root") is root
        assert leaf is not root
        assert root.key_size == 2048
        assert root.public_key().public_numbers() != leaf.public_key().public_numbers()


def test_keys_outlive_the_pool() -> None:
    pool = KeyPool(ahead=1)
    key = pool.key("root")
    pool.close()
    assert pool.key("root") is key


@pytest.mark.parametrize("kind", [KeyKind.RSA_1024, KeyKind.RSA_3072])
def test_a_kind_has_its_size(kind: KeyKind) -> None:
    with KeyPool(ahead=0) as keys:
        keys.begin([kind])
        key = keys.key_of(kind)
        assert isinstance(key, rsa.RSAPrivateKey)
        assert key.key_size == int(kind.removeprefix("rsa-"))
        assert keys.key_of(kind) is key


def test_a_curve() -> None:
    with KeyPool(ahead=0) as keys:
        key = keys.key_of(KeyKind.ECDSA_P256)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert isinstance(key.curve, ec.SECP256R1)


def test_a_closed_pool_makes_keys_when_they_are_asked_for() -> None:
    pool = KeyPool(ahead=2, threads=1)
    pool.begin([KeyKind.RSA_1024, KeyKind.ECDSA_P256])
    pool.close()
    pool.begin([KeyKind.RSA_4096])
    assert pool.key_of(KeyKind.RSA_1024) is pool.key_of(KeyKind.RSA_1024)
    assert isinstance(pool.key_of(KeyKind.ECDSA_P256), ec.EllipticCurvePrivateKey)
    assert pool.key("late") is pool.key("late")


def test_what_nobody_waits_for_is_made_behind_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    make, priorities = keys_._make, {}

    def watched(kind: KeyKind) -> PrivateKey:
        priorities[kind] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return make(kind)

    monkeypatch.setattr(keys_, "_make", watched)
    with KeyPool(ahead=0) as keys:
        keys.begin([KeyKind.RSA_1024])
        keys.key_of(KeyKind.RSA_1024)
        keys.key("root")
    assert priorities[KeyKind.RSA_1024] > priorities[KeyKind.RSA_2048]
    assert priorities[KeyKind.RSA_2048] == os.getpriority(os.PRIO_PROCESS, 0)
