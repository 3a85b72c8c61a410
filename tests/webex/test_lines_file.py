"""A device's lines as a file, out and back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from certsuite.core.errors import UsageError
from certsuite.webex.answers import Member
from certsuite.webex.lines_file import lines_text, read_lines, settings_of

LINE = Member(
    id="abc", first_name="Anna\x1b[31m", port=1, primary_owner=True, line_type="PRIMARY", hotline_destination="+1"
)
SECOND = LINE.model_copy(update={"id": "def", "port": 2, "primary_owner": False, "t38_fax_compression_enabled": False})


def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    file = tmp_path / "lines.yaml"
    file.write_text(lines_text([SECOND, LINE]))
    assert "\x1b" not in file.read_text()
    assert [settings_of(one) for one in read_lines(file)] == [settings_of(LINE), settings_of(SECOND)]


def test_a_label_is_sent_only_if_it_was_set() -> None:
    assert "lineLabel" not in settings_of(LINE)
    assert settings_of(LINE.model_copy(update={"line_label": "Desk"}))["lineLabel"] == "Desk"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[", r":\d+: not YAML"),
        ("a: 1", "a list of lines is expected"),
        ("[]", "a list of lines is expected"),
        ("- 1", "line 1 of the device: names with a value each"),
        (yaml.safe_dump([settings_of(LINE) | {"prot": 2}]), "line 1 of the device: prot: not known; there are allow"),
        (yaml.safe_dump([settings_of(LINE), {"id": "a"}]), "line 2 of the device: port: Field required"),
        (yaml.safe_dump([settings_of(LINE) | {"port": "x"}]), "line 1 of the device: port: Input should be"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "lines.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=problem):
        read_lines(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_lines(tmp_path / "none")
