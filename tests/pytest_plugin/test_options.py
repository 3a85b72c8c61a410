"""What the options of a root probe mean, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from certsuite.core.errors import UsageError
from certsuite.pytest_plugin.options import read_root
from certsuite.tls.probe_roots import known_root

CHAINS = Path(__file__).resolve().parents[1] / "data" / "chains"
GLOBALSIGN, IDENTRUST_CHAIN = CHAINS / "globalsign-root-r3.pem", CHAINS / "identrust.com-expired-2020.pem"


def test_without_options_webex_is_asked_for_by_no_chain() -> None:
    asked = read_root("identrust", None)
    assert (asked.certificate, asked.chain, asked.host) == (known_root("identrust").certificate, (), "")
    assert asked.is_of_webex


def test_a_root_by_its_name_and_a_root_of_a_file() -> None:
    assert read_root("godaddy", None).name == "Go Daddy Root Certificate Authority - G2"
    other = read_root(str(GLOBALSIGN), str(CHAINS / "www.python.org-to-2027-02.pem"))
    assert (other.name, other.host, other.is_of_webex) == ("GlobalSign", "www.python.org", False)


def test_the_root_itself_may_stand_at_the_end_of_the_chain(tmp_path: Path) -> None:
    plain = read_root("identrust", str(IDENTRUST_CHAIN))
    whole = tmp_path / "whole.pem"
    root = Path(__file__).resolve().parents[2] / "certsuite" / "tls" / "roots" / "identrust-commercial-root-ca-1.pem"
    whole.write_bytes(IDENTRUST_CHAIN.read_bytes() + b"\n" + root.read_bytes())
    assert read_root("identrust", str(whole)) == plain


@pytest.mark.parametrize(
    ("name", "chain", "told"),
    [
        ("nobody", None, "--root nobody: no file, and none of the names identrust, godaddy, digicert"),
        (str(IDENTRUST_CHAIN), None, "certificates; one root is expected"),
        ("identrust", "/nowhere.pem", "/nowhere.pem: cannot be read: No such file or directory"),
        ("godaddy", str(IDENTRUST_CHAIN), "is not issued by the root; expected is a chain under Go Daddy"),
        ("identrust", __file__, "no certificate in it"),
        ("identrust", str(GLOBALSIGN), "certificate 1 of the chain is not issued by the root"),
    ],
)
def test_a_wrong_option_is_told(name: str, chain: str | None, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_root(name, chain)
    assert told in str(caught.value)
