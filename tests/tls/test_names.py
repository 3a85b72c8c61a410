"""Names by number."""

from __future__ import annotations

import pytest

from certsuite.tls.names import extension_name, group_name, is_broken_signature, signature_algorithm_name


@pytest.mark.parametrize(
    ("number", "name", "broken"),
    [
        (0x0403, "ecdsa_secp256r1_sha256", False),
        (0x0804, "rsa_pss_rsae_sha256", False),
        (0x0807, "ed25519", False),
        (0x0201, "rsa_pkcs1_sha1", True),
        (0x0202, "dsa_sha1", True),
        (0x0101, "rsa_md5", True),
        (0x0301, "rsa_sha224", False),
        (0x2A2A, "GREASE", False),
        (0xFE01, "0xfe01", False),
    ],
)
def test_signature_algorithms(number: int, name: str, broken: bool) -> None:
    assert (signature_algorithm_name(number), is_broken_signature(number)) == (name, broken)


def test_groups_and_extensions() -> None:
    assert [group_name(number) for number in (23, 29, 4588, 0x3A3A, 9999)] == [
        "secp256r1",
        "x25519",
        "X25519MLKEM768",
        "GREASE",
        "0x270f",
    ]
    assert [extension_name(number) for number in (0, 23, 65281, 0x4A4A, 9999)] == [
        "server_name",
        "extended_master_secret",
        "renegotiation_info",
        "GREASE",
        "9999",
    ]
