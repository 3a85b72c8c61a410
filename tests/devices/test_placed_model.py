"""Mistakes in a person's file are told all at once, in the order of their lines, and never with a value."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from certsuite.core.errors import ProfileError
from certsuite.devices.placed_model import Strict, mistake_at, validated
from certsuite.devices.yaml_lines import ProfileErrors, load_yaml


class _Row(Strict):
    name: str
    size: int = 0


class _Whole(Strict):
    kind: str = Field(alias="class")
    rows: list[_Row] = Field(default_factory=list)
    named: dict[str, _Row] = Field(default_factory=dict)


def _read(tmp_path: Path, text: str) -> _Whole:
    file = tmp_path / "own.yaml"
    file.write_text(text)
    return validated(_Whole, load_yaml(file, shown_as="own.yaml"))


def test_what_is_right_is_a_model(tmp_path: Path) -> None:
    whole = _read(tmp_path, "class: a\nrows: [{name: x}]\nnamed: {y: {name: y, size: 2}}\n")
    assert (whole.kind, whole.rows[0].name, whole.named["y"].size) == ("a", "x", 2)


def test_all_mistakes_by_line(tmp_path: Path) -> None:
    text = "class: 5\nrows:\n- name: x\n  sise: 1\n- size: hidden\nnamed:\n  y:\n    nam: x\n    name: y\n"
    with pytest.raises(ProfileErrors) as caught:
        _read(tmp_path, text)
    assert str(caught.value).splitlines() == [
        "own.yaml:1: class: must be text: quote it",
        "own.yaml:4: rows[0].sise: unknown field; did you mean 'size'?; fields here: name, size",
        "own.yaml:5: rows[1].name: this field is missing",
        "own.yaml:5: rows[1].size: Input should be a valid integer",
        "own.yaml:8: named.y.nam: unknown field; did you mean 'name'?; fields here: name, size",
    ]


def test_a_mistake_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("a:\n  b: 1\n")
    error = mistake_at(("a", "b"), "is wrong", load_yaml(file, shown_as="own.yaml"))
    assert isinstance(error, ProfileError)
    assert str(error) == "own.yaml:2: a.b: is wrong"
