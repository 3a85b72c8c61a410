"""Secrets, and strings of a device that would be live where they are shown."""

from __future__ import annotations

import copy
import pickle
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.core.redaction import Secret, masked, printable


def test_a_secret_does_not_print() -> None:
    secret = Secret("hunter2")
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{[secret]}", f"{ {'password': secret} }"]
    assert not [text for text in shown if "hunter2" in text]
    assert secret.reveal() == "hunter2"


def test_secrets_compare_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert copy.deepcopy(Secret("a")) == Secret("a")


def test_secrets_are_masked_in_text() -> None:
    assert masked("user=a pass=hunter2;hunter2", [Secret("hunter2"), Secret("")]) == "user=a pass=***;***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Acme 1000/2.0 äöü 電話 €", "Acme 1000/2.0 äöü 電話 €"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("a\r\n\tb\x00\x7f\x85\x9b", "a\\x0d\\x0a\\x09b\\x00\\x7f\\x85\\x9b"),
        ("\u202egnp.exe\u2066\u200f\u200b\ufeff\u061c", "\\u202egnp.exe\\u2066\\u200f\\u200b\\ufeff\\u061c"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\u180e\ufff9\ufffe\uffff", "\\u180e\\ufff9\\ufffe\\uffff"),
        ("\U000e0001\U000e0041\U000e007f", "\\U000e0001\\U000e0041\\U000e007f"),
        ("\udcff\ud800", "\\udcff\\ud800"),
        ("😀\U0010fffd", "😀\U0010fffd"),
        # Harmless where it is escaped: each place does that for itself.
        ("<b>&\"'[bold]{{7*7}}", "<b>&\"'[bold]{{7*7}}"),
    ],
)
def test_what_is_live_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    shown = printable("A" * 60_000, at_most=50)
    assert shown == "A" * 50 + "… (60000 characters)"
    assert printable("A" * 50, at_most=50) == "A" * 50


def test_what_is_cut_off_costs_nothing() -> None:
    """What grows by being written out is cut as well."""
    assert printable("\x00" * 60_000, at_most=50) == "\\x00" * 12 + "\\x" + "… (60000 characters)"


@given(st.text())
def test_the_rest_is_printable_and_xml(text: str) -> None:
    shown = printable(text, at_most=1000)
    assert not {unicodedata.category(sign) for sign in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert all(
        unicodedata.bidirectional(sign) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        for sign in shown
    )
    element = ElementTree.Element("text")
    element.text = shown
    assert ElementTree.fromstring(ElementTree.tostring(element)).text == (shown or None)


@given(st.text())
def test_shown_again_it_is_the_same(text: str) -> None:
    once = printable(text, at_most=10_000)
    assert printable(once, at_most=10_000) == once


def test_a_secret_is_not_written_by_accident() -> None:
    with pytest.raises(TypeError):
        __import__("json").dumps({"password": Secret("hunter2")})
    # Pickling is for memory alone: nothing of ours writes it to a file.
    assert pickle.loads(pickle.dumps(Secret("hunter2"))) == Secret("hunter2")
