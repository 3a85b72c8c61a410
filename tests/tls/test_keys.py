from __future__ import annotations

from certsuite.tls.keys import KEY_BITS, KeyPool


def test_a_role_keeps_its_key() -> None:
    with KeyPool(ahead=1) as keys:
        root = keys.key("root")
        leaf = keys.key("leaf")
        assert keys.key("root") is root
        assert leaf is not root
        assert root.key_size == KEY_BITS
        assert root.public_key().public_numbers() != leaf.public_key().public_numbers()


def test_keys_outlive_the_pool() -> None:
    pool = KeyPool(ahead=1)
    key = pool.key("root")
    pool.close()
    assert pool.key("root") is key
