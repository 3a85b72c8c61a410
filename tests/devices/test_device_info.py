"""Device info in the neutral form: what it gives, and every mistake with its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret
from certsuite.devices.device_info import load_device_info
from certsuite.devices.settings import MonitoredUser

SECRET = "Good1!Word"


@pytest.fixture
def document() -> dict[str, Any]:
    """A phone with two lines, one of them shared."""
    return {
        "schema": 1,
        "kind": "phone",
        "mac": "00:00:5E:00:53:01",
        "outbound_proxy": "hs17.lab.example",
        "codecs": ["G722", "PCMU"],
        "accounts": [
            _account(2, appearance="shared", label="Desk"),
            _account(1, display_name="Ann", password={"env": "ANN"}),
        ],
        "monitored": [{"user": "bob", "label": "Bob"}, {"user": "eve"}],
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Writes device info beside a file of passwords, one field a line."""
    passwords = tmp_path / "passwords.yaml"
    passwords.write_text(f"2: '{SECRET}'\n")
    passwords.chmod(0o600)

    def writer(data: Any) -> Path:
        file = tmp_path / "info.json"
        file.write_text(data if isinstance(data, str) else json.dumps(data, indent="\t"))
        return file

    return writer


def _account(line: int, **fields: Any) -> dict[str, Any]:
    given = {"line": line, "aor": f"user{line}@lab.invalid", "auth_user": f"20555501{line:02}"}
    return given | {"password": {"file": "passwords.yaml"}} | fields


def test_what_it_gives(document: dict[str, Any], write: Callable[[Any], Path]) -> None:
    info = load_device_info(write(document), {"ANN": "Other1!Word"})
    assert (info.kind, info.outbound_proxy, info.mac) == ("phone", "hs17.lab.example", "00005e005301")
    assert info.codecs == ("G722", "PCMU")
    assert info.monitored == (MonitoredUser("bob", "Bob"), MonitoredUser("eve", "eve"))
    ann, desk = info.accounts
    assert (ann.number, ann.user, ann.domain, ann.auth_user) == (1, "user1", "lab.invalid", "2055550101")
    assert (ann.password, ann.display_name, ann.shared) == (Secret("Other1!Word"), "Ann", False)
    assert (desk.number, desk.password, desk.display_name) == (2, Secret(SECRET), "user2")
    assert (desk.label, desk.shared) == ("Desk", True)
    assert SECRET not in repr(info)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"schema": 1', '"schema": 2', "info.json:2: schema: "),
        ('"kind": "phone"', '"kind": "fax"', "info.json:3: kind: "),
        ('"kind"', '"knid"', "info.json:3: knid: unknown field; did you mean 'kind'?"),
        ("00:00:5E:00:53:01", "00:00", "info.json:4: mac: must be twelve hexadecimal digits"),
        ("hs17.lab.example", "hs17.lab.example:5061", "info.json:5: outbound_proxy: "),
        ('"G722"', '"G.722"', "info.json:7: codecs[0]: "),
        ("user2@lab.invalid", "sip:user2@lab.invalid", "info.json:13: accounts[0].aor: must be user@domain"),
        ("user2@lab.invalid", "user2", "info.json:13: accounts[0].aor: must be user@domain"),
        ('"line": 2', '"line": 21', "info.json:12: accounts[0].line: 21; a phone has at most 20"),
        ('"line": 2', '"line": 1', "info.json:12: accounts[0].line: 1 is there 2 times"),
        ('"line": 2', '"line": "2"', "info.json:12: accounts[0].line: "),
        ('"shared"', '"third"', "info.json:18: accounts[0].appearance: "),
        ('"env": "ANN"', '"env": "ANN", "line": 1', "accounts[1].password: line belongs to file"),
        ('"env": "ANN"', '"line": 1', "accounts[1].password: exactly one of env and file"),
        ('"kind": "phone"', '"kind": "gateway"', "info.json:18: accounts[0].appearance: a gateway has no shared lines"),
        ('"monitored"', '"codecs"', "codecs: is there twice"),
        ('"schema": 1,', '"schema": 1', "info.json:3: not valid JSON"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    document: dict[str, Any], write: Callable[[Any], Path], old: str, new: str, says: str
) -> None:
    text = json.dumps(document, indent="\t")
    assert old in text
    with pytest.raises(UsageError) as caught:
        load_device_info(write(text.replace(old, new, 1)), {"ANN": "x"})
    assert says in str(caught.value)


def test_a_password_itself_is_refused_and_not_repeated(document: dict[str, Any], write: Callable[[Any], Path]) -> None:
    document["accounts"][0]["password"] = SECRET
    with pytest.raises(UsageError, match=r"info.json:15: accounts\[0\].password: a password must not stand") as caught:
        load_device_info(write(document), {"ANN": "x"})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ({"env": "NOBODY"}, "line 2: the variable NOBODY holds no password; set it"),
        ({"file": "passwords.yaml", "line": 9}, "has no password for line 9"),
        ({"file": "gone.yaml"}, "cannot be read"),
    ],
)
def test_a_secret_that_is_not_there(
    document: dict[str, Any], write: Callable[[Any], Path], password: dict[str, Any], says: str
) -> None:
    document["accounts"][0]["password"] = password
    with pytest.raises(UsageError, match=says):
        load_device_info(write(document), {"ANN": "x"})


def test_a_file_of_passwords_that_others_can_read(
    document: dict[str, Any], write: Callable[[Any], Path], tmp_path: Path
) -> None:
    file = write(document)
    (tmp_path / "passwords.yaml").chmod(0o644)
    with pytest.raises(UsageError, match="others can read it"):
        load_device_info(file, {"ANN": "x"})


@pytest.mark.parametrize(("kind", "most"), [("phone", 20), ("gateway", 100)])
def test_as_many_lines_as_the_kind_has(
    document: dict[str, Any], write: Callable[[Any], Path], kind: str, most: int
) -> None:
    document["kind"] = kind
    document["accounts"] = [_account(line, password={"env": "ALL"}) for line in range(1, most + 1)]
    assert len(load_device_info(write(document), {"ALL": SECRET}).accounts) == most
    document["accounts"].append(_account(most, password={"env": "ALL"}))
    with pytest.raises(UsageError, match=f"accounts: {most + 1} accounts; a {kind} has at most {most}"):
        load_device_info(write(document), {"ALL": SECRET})


def test_a_gateway_has_no_account_twice_and_a_phone_may(document: dict[str, Any], write: Callable[[Any], Path]) -> None:
    document["accounts"] = [_account(line, aor="one@lab.invalid", password={"env": "ALL"}) for line in (1, 2)]
    assert len(load_device_info(write(document), {"ALL": SECRET}).accounts) == 2
    document["kind"] = "gateway"
    with pytest.raises(UsageError, match=r"accounts\[1\].aor: is there twice; a gateway has each line on one port"):
        load_device_info(write(document), {"ALL": SECRET})


def test_a_device_has_an_owner(document: dict[str, Any], write: Callable[[Any], Path]) -> None:
    document["accounts"][1]["appearance"] = "shared"
    with pytest.raises(UsageError, match="none is a primary appearance"):
        load_device_info(write(document), {"ANN": "x"})
