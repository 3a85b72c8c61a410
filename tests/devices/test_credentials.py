"""SIP passwords in a file: what it has to be like, and that no mistake repeats what it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret
from certsuite.devices.credentials import read_credentials


def _written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "passwords.yaml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_passwords_by_line(tmp_path: Path) -> None:
    assert read_credentials(_written(tmp_path, "1: 'a:b'\n20: \"c\"\n")) == {1: Secret("a:b"), 20: Secret("c")}


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("1: hunter\n", 0o604, "others can read it"),
        ("1: hunter: x\n", 0o600, "passwords.yaml:1: not YAML"),
        ("hunter\n", 0o600, "line numbers with a quoted password"),
        ("one: hunter\n", 0o600, "line numbers with a quoted password"),
        ("1: 12345678\n", 0o600, "line numbers with a quoted password"),
        ("0: hunter\n", 0o600, "line numbers with a quoted password"),
        ("1: hunter\n1: other\n", 0o600, "a line number is there twice"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, mode: int, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        read_credentials(_written(tmp_path, text, mode))
    told = str(caught.value).replace(str(tmp_path), "")
    assert "hunter" not in told
    assert "12345678" not in told


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_credentials(tmp_path / "gone.yaml")
