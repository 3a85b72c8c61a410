"""Password rules as data: what is shipped, a file of one's own, and its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from certsuite.core.errors import ProfileError, UsageError
from certsuite.core.verdicts import Mark
from certsuite.devices.password_rules import load_password_rules
from certsuite.sip.password_policy import EVERYTHING, conflicts
from certsuite.sip.passwords import CLASSES


def test_the_shipped_rules() -> None:
    rules = load_password_rules()
    webex = rules.policy("webex")
    assert (webex.length, webex.least) == (8, {"upper": 1, "lower": 1, "digit": 1, "special": 1})
    assert rules.policy("broadworks").no_reversed_old
    assert rules.alphabet("any").special == EVERYTHING.special
    assert rules.alphabet("mitel").longest == 20
    assert rules.source("mitel")[1] is Mark.PRIMARY
    for name in rules.alphabets:
        if name not in ("mitel", "numeric-only"):
            assert not conflicts(webex, rules.alphabet(name))
            assert all(rules.alphabet(name).classes[letters] for letters in CLASSES)


def test_a_file_of_ones_own_changes_and_adds(tmp_path: Path) -> None:
    own = tmp_path / "rules.yaml"
    own.write_text(
        "policies:\n  webex: {length: 12}\nalphabets:\n  acme: {special: '!', source: manual, mark: primary}\n"
    )
    rules = load_password_rules(own)
    assert (rules.policy("webex").length, rules.policy("webex").special) == (12, 1)
    assert rules.alphabet("acme").special == "!"
    assert "yealink" in rules.alphabets


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("policies:\n  x:\n    lenght: 8\n", "rules.yaml:3: policies.x.lenght: unknown field; did you mean 'length'?"),
        ("policies:\n  webex:\n    length: long\n", "rules.yaml:3: policies.webex.length: "),
        ("policies:\n  webex:\n    digit: -1\n", "rules.yaml:3: policies.webex.digit: "),
        ("alphabets:\n  x: {special: '', mark: primary}\n", "rules.yaml:2: alphabets.x.source: this field is missing"),
        ("alphabets:\n  snom: {special: 'aé'}\n", "rules.yaml:2: alphabets.snom.special: 'aé' are no special"),
        ("alphabets:\n  snom: {special: '!!'}\n", "rules.yaml:2: alphabets.snom.special: a character is there twice"),
        ("alphabets:\n  snom: {special: 5}\n", "rules.yaml:2: alphabets.snom.special: must be text: quote it"),
        ("schema: 2\n", "rules.yaml:1: schema: "),
        ("- x\n", "must be a mapping"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    own = tmp_path / "rules.yaml"
    own.write_text(text)
    with pytest.raises(ProfileError) as caught:
        load_password_rules(own)
    assert says in str(caught.value)


def test_an_unknown_name() -> None:
    rules = load_password_rules()
    for ask in (rules.policy, rules.alphabet, rules.source):
        with pytest.raises(UsageError, match="there are: "):
            ask("acme\x1b")
    with pytest.raises(UsageError, match="did you mean 'yealink'"):
        rules.alphabet("yeelink")
