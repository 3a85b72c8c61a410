"""Lines found by number, by address and by message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from certsuite.core.redaction import Secret
from certsuite.edge.accounts import Account, Accounts
from certsuite.sip.message import SipMessage

DOMAIN = "98079822.lab.invalid"


@pytest.fixture
def accounts() -> Accounts:
    return Accounts([Account(line, f"user{line}", DOMAIN, f"auth{line}", Secret("p"), f"L{line}") for line in (1, 2)])


@pytest.mark.parametrize(
    ("address", "line"),
    [
        (f"<sip:user2@{DOMAIN}>;tag=1", 2),
        (f'"sip:user1@x" <sip:user2@{DOMAIN};transport=tls>', 2),
        ("sip:user1@other.example", 1),
        (f"sips:user1@{DOMAIN}", 1),
        (f"<sip:USER1@{DOMAIN}>", None),
        (f"<sip:user3@{DOMAIN}>", None),
        (f"<sip:{DOMAIN}>", None),
        ("<tel:+12065550100>", None),
        ("", None),
    ],
)
def test_the_user_part_decides(accounts: Accounts, address: str, line: int | None) -> None:
    found = accounts.of_address(address)
    assert (found.line if found else None) == line


def test_a_message_is_about_the_line_that_it_is_from_or_else_to(accounts: Accounts) -> None:
    def message(from_: str, to: str) -> SipMessage:
        return SipMessage("INVITE", "sip:x", headers=(("f", f"<sip:{from_}@{DOMAIN}>"), ("t", f"<sip:{to}@{DOMAIN}>")))

    assert accounts.of_message(message("user2", "user1")) == accounts.of_line(2)
    assert accounts.of_message(message("2065550100", "user1")) == accounts.of_line(1)
    assert accounts.of_message(message("2065550100", "2065550101")) is None
    assert accounts.of_message(SipMessage("INVITE", "sip:x")) is None


def test_a_replaced_account_is_found_in_place_of_the_old_one(accounts: Accounts) -> None:
    accounts.replace(replace(accounts.of_line(1), password=Secret("q")))
    assert accounts.of_line(1).password == Secret("q")
    assert [account.line for account in accounts] == [1, 2]
    assert accounts.of_line(1).aor == f"user1@{DOMAIN}"
