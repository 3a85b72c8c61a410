"""Make, model, firmware and MAC address are read from headers that devices were seen to send, and from their like."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from certsuite.sip.user_agent import Product, control_hub_name, maker_of_mac, read_user_agent, same_make, same_model

CORPUS = [
    tuple(row)
    for row in yaml.safe_load((Path(__file__).parents[1] / "data" / "user_agents" / "corpus.yaml").read_text())
]
WITHOUT_MAC = [row for row in CORPUS if not row[4]]
MACS = st.binary(min_size=6, max_size=6).map(bytes.hex)


@pytest.mark.parametrize(("header", "make", "model", "firmware", "mac"), CORPUS)
def test_the_corpus(header: str, make: str, model: str, firmware: str, mac: str) -> None:
    assert read_user_agent(header) == Product(make, model, firmware, mac, is_known=True)


@given(
    st.sampled_from(WITHOUT_MAC),
    MACS,
    st.sampled_from([" {}", "  ({})", "_{}"]),
    st.sampled_from(["", ":", "-"]),
    st.booleans(),
)
def test_a_mac_address_is_taken_out(row: tuple[str, ...], mac: str, form: str, between: str, is_upper: bool) -> None:
    header, make, model, firmware, _ = row
    written = between.join(mac[at : at + 2] for at in range(0, 12, 2))
    text = header + form.format(written.upper() if is_upper else written)
    assert read_user_agent(text) == Product(make, model, firmware, mac, is_known=True)


@given(st.sampled_from(CORPUS), st.integers(1, 4), st.integers(0, 3), st.sampled_from([str, str.upper, str.lower]))
def test_spaces_and_case_change_nothing(row: tuple[str, ...], spaces: int, around: int, case: type[str]) -> None:
    header, make, model, firmware, mac = row
    read = read_user_agent(" " * around + case(header).replace(" ", " " * spaces) + " " * around)
    assert (read.make, read.model.lower(), read.firmware.lower()) == (make, model.lower(), firmware.lower())
    assert (read.mac, read.is_known) == (mac, True)


@given(
    st.sampled_from(
        ["Yealink SIP-T46U {}", "PolycomVVX-VVX_450-UA/{}", "snomD785/{}", "Htek UC924E V{}", "Fanvil X4U {}"]
    ),
    st.lists(st.integers(0, 9999), min_size=2, max_size=5).map(lambda parts: ".".join(map(str, parts))),
)
def test_any_firmware(form: str, firmware: str) -> None:
    assert read_user_agent(form.format(firmware)).firmware == firmware


@given(st.text(max_size=600))
def test_it_reads_anything(text: str) -> None:
    read = read_user_agent(text)
    assert all(part in " ".join(text.split()) for part in (read.model, read.firmware))


@pytest.mark.parametrize(
    ("header", "product"),
    [
        ("", Product()),
        ("???", Product()),
        ("baresip v1.0.0 (x86_64/linux)", Product("baresip", "", "1.0.0")),
        ("Acme X1/2.4.1", Product("Acme", "X1", "2.4.1")),
        ("Acme_X1 2.4.1 00-00-5e-00-53-01", Product("Acme", "X1", "2.4.1", "00005e005301")),
        ("Linphone-Desktop/5.0.2 (host) Debian", Product("Linphone-Desktop", "", "5.0.2")),
        ("Algo-8301/5.2", Product("Algo-8301", "", "5.2")),
    ],
)
def test_of_an_unknown_make_it_is_a_guess(header: str, product: Product) -> None:
    assert read_user_agent(header) == product
    assert not product.is_known


def test_no_text_takes_long() -> None:
    """Each form is tried on what almost fits; a form that backtracks without end would never come back."""
    for start in ("Grandstream ", "AUDC-IPPhone/", "Cisco-", "snom", "a "):
        read_user_agent(start + "1" * 100_000)
        read_user_agent(start + "1." * 50_000 + "!")


def test_makers_of_two_names() -> None:
    assert same_make("Poly", "polycom")
    assert same_make("AUDC", "AudioCodes")
    assert same_make("Aastra", "Mitel")
    assert same_make("Acme", "acme")
    assert not same_make("Yealink", "Poly")


def test_models_are_one_however_they_are_spaced() -> None:
    assert same_model("VVX_450", "VVX 450")
    assert same_model("sip-t46u", "SIP T46U")
    assert not same_model("SIP-T46U", "SIP-T48U")
    assert not same_model("", "")


def test_the_maker_of_a_mac_address() -> None:
    assert maker_of_mac("805ec0112233") == "Yealink"
    assert maker_of_mac("00562b043615") == "Cisco"
    assert maker_of_mac("02000c112233") == ""
    assert maker_of_mac("") == ""


def test_how_control_hub_shows_it() -> None:
    yealink = read_user_agent("Yealink SIP-T46U 108.86.0.20")
    assert control_hub_name(yealink) == "Partner Managed Phone - Yealink SIP-T46U"
    assert control_hub_name(read_user_agent("Grandstream HT801 1.0.3.2"), "gateway").startswith(
        "Partner Managed Gateway - "
    )
    assert control_hub_name(read_user_agent("baresip v1.0.0")) == "Partner Managed Phone"
