"""The texts of errors are meant for the person who runs the tool."""

from __future__ import annotations

import inspect

import pytest

from certsuite.core import errors
from certsuite.core.errors import CertsuiteError, ProfileError


@pytest.mark.parametrize(
    ("line", "field", "text"),
    [
        (7, "lines", "a.yaml:7: lines: too many; expected 1 to 20"),
        (None, "lines", "a.yaml: lines: too many; expected 1 to 20"),
        (7, "", "a.yaml:7: too many; expected 1 to 20"),
        (None, "", "a.yaml: too many; expected 1 to 20"),
    ],
)
def test_a_mistake_in_a_profile_is_told_with_its_place(line: int | None, field: str, text: str) -> None:
    error = ProfileError("too many; expected 1 to 20", file="a.yaml", line=line, field=field)
    assert str(error) == text
    assert (error.file, error.line, error.field, error.problem) == ("a.yaml", line, field, "too many; expected 1 to 20")


def test_every_error_is_ours_and_in_the_tree_that_is_written_down() -> None:
    assert errors.__doc__ is not None
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(kind, CertsuiteError), name
        assert name in errors.__doc__
