"""What the options of a root probe and of the Webex API mean, and what is said of wrong ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from certsuite.bench.run import RunOptions
from certsuite.core.errors import UsageError
from certsuite.devices.device_info import DeviceInfo
from certsuite.pytest_plugin.options import read_root, told_emulator
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


class Given:
    """The one option that is looked at."""

    def __init__(self, url: str | None) -> None:
        self._url = url

    def getoption(self, name: str) -> str | None:
        return self._url if name == "--webex-emulator" else None


INFO = DeviceInfo("phone", "p.example", (), (), (), "001a2b3c4d5e")


def test_an_emulator_is_told_of_a_device_with_a_mac_address() -> None:
    url = "http://127.0.0.1:8089/v1"
    assert told_emulator(Given(None), RunOptions()) == ""  # type: ignore[arg-type]
    assert told_emulator(Given(url), RunOptions(info=INFO)) == url  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (RunOptions(), "is for --device-info FILE with a mac"),
        (RunOptions(info=replace(INFO, mac="")), "is for --device-info FILE with a mac"),
        (RunOptions(info=INFO, bench="netns"), "needs --bench loopback"),
    ],
)
def test_an_emulator_that_cannot_be_told(options: RunOptions, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        told_emulator(Given("http://127.0.0.1:8089/v1"), options)  # type: ignore[arg-type]
