"""``certsuite passwords``: audits SIP passwords, and makes new ones, without ever showing one."""

from __future__ import annotations

import os
from pathlib import Path
from random import SystemRandom
from typing import Annotated

import typer

from certsuite.cli.telling import say, told
from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret, printable
from certsuite.devices.credentials import read_credentials
from certsuite.devices.password_rules import PasswordRules, load_password_rules
from certsuite.sip.password_generator import passwords
from certsuite.sip.password_policy import PasswordAlphabet, PasswordPolicy, shortcomings

app = typer.Typer(no_args_is_help=True, help="SIP passwords: audit them, make them.")

Policy = Annotated[str, typer.Option(help="What the network asks for.", metavar="NAME")]
Rules = Annotated[Path | None, typer.Option(help="Policies and alphabets of your own; YAML.", metavar="FILE")]
Users = Annotated[list[str] | None, typer.Option("--user", help="Authentication name; may be repeated.")]
Old = Annotated[Path | None, typer.Option(help="The passwords before, by line; mode 600.", metavar="FILE")]


@app.command("audit")
@told
def audit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help='Passwords by line, such as 1: "..."; mode 600.')],
    policy: Policy = "webex",
    alphabet: Annotated[str | None, typer.Option(help="Whose devices take them.", metavar="VENDOR")] = None,
    user: Users = None,
    old: Old = None,
    rules: Rules = None,
) -> None:
    """Say what the passwords of a file lack, by line. 1 if any lacks something; no password is shown."""
    known = load_password_rules(rules)
    asked = known.policy(policy)
    carried = known.alphabet(alphabet) if alphabet is not None else None
    supplied = read_credentials(file)
    if not supplied:
        raise UsageError(f"{file}: holds no password; nothing was audited")
    found = audited(supplied, asked, carried, tuple(user or ()), read_credentials(old) if old else {})
    for line, problems in found.items():
        for problem in problems:
            say(f"line {line}: {problem}")
    for note in _not_looked_at(asked, user or [], old):
        say(f"not looked at: {note}")
    wrong = sum(bool(problems) for problems in found.values())
    say(f"{len(found)} passwords by the policy {policy}: {f'{wrong} lack something' if wrong else 'all meet it'}")
    raise typer.Exit(1 if wrong else 0)


@app.command("generate")
@told
def generate(
    count: Annotated[int, typer.Option(help="How many.", min=1, max=100_000)],
    out: Annotated[Path, typer.Option(help="File to write; yours alone.", metavar="FILE")],
    policy: Policy = "webex",
    alphabet: Annotated[str, typer.Option(help="Whose devices are to take them.", metavar="VENDOR")] = "any",
    user: Users = None,
    old: Old = None,
    rules: Rules = None,
) -> None:
    """Write new passwords that meet policy and alphabet both, no two alike; or say why there are none."""
    known = load_password_rules(rules)
    asked, carried = known.policy(policy), known.alphabet(alphabet)
    used = [secret.reveal() for secret in (read_credentials(old) if old else {}).values()]
    made = passwords(count, asked, carried, SystemRandom(), users=user or (), used=used)
    _write(out, "".join(f"{line}: {_quoted(password)}\n" for line, password in enumerate(made, 1)))
    say(f"{count} passwords by {policy} and {alphabet} ({_ground(known, alphabet)}): {out}")
    if asked.no_user and not user:
        say("not looked at: whether an authentication name is in one (--user NAME)")


def audited(
    supplied: dict[int, Secret],
    policy: PasswordPolicy,
    alphabet: PasswordAlphabet | None,
    users: tuple[str, ...],
    old: dict[int, Secret],
) -> dict[int, tuple[str, ...]]:
    """What each line's password lacks, beside being like that of another line; all lines are in it, in order."""
    first: dict[Secret, int] = {}
    found = {}
    for line, secret in sorted(supplied.items()):
        before = old[line].reveal() if line in old else None
        problems = shortcomings(secret.reveal(), policy, alphabet, users=users, old=before)
        if secret in first:
            problems += (f"the same as line {first[secret]}; each device has its own",)
        first.setdefault(secret, line)
        found[line] = problems
    return found


def _not_looked_at(policy: PasswordPolicy, users: list[str], old: Path | None) -> list[str]:
    notes = []
    if policy.no_user and not users:
        notes.append("whether the authentication name is in one (--user NAME)")
    if (policy.no_old or policy.no_reversed_old) and old is None:
        notes.append("whether one is the password before (--old FILE)")
    return notes


def _ground(rules: PasswordRules, alphabet: str) -> str:
    source, mark = rules.source(alphabet)
    return f"{mark}: {source}"


def _quoted(password: str) -> str:
    """As YAML, in single quotes: in them only the quote itself is special."""
    return "'" + password.replace("'", "''") + "'"


def _write(path: Path, text: str) -> None:
    """Write a new file that its owner alone can read. Raises :class:`UsageError`; no file is written over."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{printable(str(path))}: cannot be written as a new file: {error.strerror}") from error
