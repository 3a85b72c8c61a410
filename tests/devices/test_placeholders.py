"""Placeholders: what is one, what is a mistake, what a value may be."""

from __future__ import annotations

import re
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.devices import placeholders
from certsuite.devices.profile import ActionName


def test_json_braces_are_left_alone() -> None:
    text = '{"command":"dial","params":"{uri}","n":{}}'
    assert placeholders.fill(text, {"uri": "sip:a@b"}) == '{"command":"dial","params":"sip:a@b","n":{}}'


def test_a_value_is_never_filled_again() -> None:
    assert placeholders.fill("{a}{b}", {"a": "{b}", "b": "2"}) == "{b}2"


@given(st.text())
def test_a_value_with_a_control_sign_is_refused(value: str) -> None:
    if any(sign < " " or sign == "\x7f" for sign in value):
        with pytest.raises(ValueError, match="control sign"):
            placeholders.fill("x {a}", {"a": value})
    else:
        assert re.fullmatch(placeholders.fill("x{a}", {"a": value}, re.escape), "x" + value)


def test_unknown_ones_are_told_with_the_nearest() -> None:
    (problem,) = placeholders.problems("{config_dri} {port:d} {2} {A}", placeholders.PROGRAM)
    assert "{config_dri}; did you mean 'config_dir'?" in problem


def test_a_list_becomes_arguments() -> None:
    filled = placeholders.fill_arguments(
        ["prog", "{fault_arguments}", "-f", "{config_dir}/x"],
        {"config_dir": "/c"},
        {"fault_arguments": ("--fault", "a")},
    )
    assert filled == ["prog", "--fault", "a", "-f", "/c/x"]
    assert placeholders.fill_arguments(["prog", "{fault_arguments}"], {}, {}) == ["prog"]


def test_every_action_has_its_arguments() -> None:
    assert set(placeholders.ACTION_ARGUMENTS) == set(typing.get_args(ActionName))
