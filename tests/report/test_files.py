"""Files are replaced as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from certsuite.core.errors import RecordError
from certsuite.report.files import write_file, write_folder


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    for content in (b"one", b"two"):
        write_file(path, content)
        assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_a_file_that_cannot_be_replaced_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(RecordError, match="folder cannot be written: Is a directory"):
        write_file(tmp_path / "folder", b"x")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_a_folder_holds_exactly_what_was_written_last(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    write_folder(path, {"a": b"1", "b": b"2"})
    # What an earlier writing left when it was killed is no obstacle.
    (tmp_path / ".folder.new").mkdir()
    (tmp_path / ".folder.old").mkdir()
    write_folder(path, {"b": b"3"})
    assert {each.name: each.read_bytes() for each in path.iterdir()} == {"b": b"3"}
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
