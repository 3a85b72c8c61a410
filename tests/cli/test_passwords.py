"""The commands about passwords, as a user types them: no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from certsuite.cli.passwords import audited
from certsuite.core.redaction import Secret
from certsuite.devices.credentials import read_credentials
from certsuite.devices.password_rules import load_password_rules
from certsuite.sip.password_policy import shortcomings
from tests.conftest import certsuite


@pytest.fixture
def supplied(tmp_path: Path) -> Path:
    """A file with a good password, one that is the same, and one that is neither long nor mixed."""
    file = tmp_path / "passwords.yaml"
    file.write_text("1: 'Good1!Word'\n2: 'Good1!Word'\n7: 'hunter'\n")
    file.chmod(0o600)
    return file


def test_audit_tells_lines_and_what_is_missing(supplied: Path) -> None:
    done = certsuite("passwords", "audit", supplied)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "line 2: the same as line 1; each device has its own",
        "line 7: 6 characters; at least 8 are asked for",
        "line 7: 0 upper-case letters; at least 1 are asked for",
        "line 7: 0 digits; at least 1 are asked for",
        "line 7: 0 special characters; at least 1 are asked for",
        "3 passwords by the policy webex: 2 lack something",
    ]
    assert "hunter" not in done.stdout + done.stderr
    assert "Good" not in done.stdout + done.stderr


def test_audit_says_what_it_could_not_look_at(supplied: Path) -> None:
    supplied.write_text("1: 'Good12!Word!'\n")
    done = certsuite("passwords", "audit", supplied, "--policy", "broadworks")
    assert done.returncode == 0, done.stdout
    assert "not looked at: whether the authentication name is in one (--user NAME)" in done.stdout
    assert "not looked at: whether one is the password before (--old FILE)" in done.stdout
    done = certsuite("passwords", "audit", supplied, "--policy", "broadworks", "--user", "word", "--old", supplied)
    assert done.returncode == 1
    assert "line 1: the authentication name is in it\nline 1: it is the password before\n" in done.stdout
    assert "not looked at" not in done.stdout


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("1: 'Good1!Word'\n", 0o640, "others can read it"),
        ("{}\n", 0o600, "nothing was audited"),
        ("1: 'Good1!Word'\n1: 'hunter'\n", 0o600, "a line number is there twice"),
        ("1: hunter: x\n", 0o600, "not YAML"),
    ],
)
def test_a_file_that_cannot_be_audited(supplied: Path, text: str, mode: int, says: str) -> None:
    supplied.write_text(text)
    supplied.chmod(mode)
    done = certsuite("passwords", "audit", supplied)
    assert (done.returncode, done.stdout) == (4, "")
    assert says in done.stderr
    assert "hunter" not in done.stderr


def test_generate_writes_what_audit_and_a_run_take(tmp_path: Path) -> None:
    out = tmp_path / "new.yaml"
    done = certsuite("passwords", "generate", "--count", "25", "--alphabet", "any", "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o777 == 0o600
    made = read_credentials(out)
    assert list(made) == list(range(1, 26))
    assert not any(secret.reveal() in done.stdout for secret in made.values())
    audit = certsuite("passwords", "audit", out, "--alphabet", "any")
    assert (audit.returncode, audit.stdout) == (0, "25 passwords by the policy webex: all meet it\n")
    again = certsuite("passwords", "generate", "--count", "1", "--out", out)
    assert again.returncode == 4
    assert "new file" in again.stderr
    assert len(yaml.safe_load(out.read_text())) == 25


def test_generate_refuses_and_says_why(tmp_path: Path) -> None:
    out = tmp_path / "new.yaml"
    done = certsuite("passwords", "generate", "--count", "1", "--alphabet", "mitel", "--out", out)
    assert done.returncode == 4
    assert "webex asks for 1 special characters, and mitel carries none" in done.stderr
    assert not out.exists()


def test_audited_has_every_line() -> None:
    rules = load_password_rules()
    webex, mitel = rules.policy("webex"), rules.alphabet("mitel")
    supplied = {3: Secret("Good1!Word"), 1: Secret("Other1!Word")}
    assert audited(supplied, webex, None, (), {}) == {1: (), 3: ()}
    assert audited(supplied, webex, mitel, (), {})[1] == shortcomings("Other1!Word", webex, mitel)
