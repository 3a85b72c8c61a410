"""The lines that the network side knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from certsuite.core.redaction import Secret
from certsuite.sip.message import SipMessage, uri_of, user_host


@dataclass(frozen=True, slots=True)
class Account:
    """One line of the device: its address of record and its credentials."""

    line: int
    user: str
    domain: str
    "The registrar's domain; it resolves nowhere."
    auth_user: str
    password: Secret
    display_name: str = ""

    @property
    def aor(self) -> str:
        """Address of record (RFC 3261 section 6)."""
        return f"{self.user}@{self.domain}"


class Accounts:
    """The accounts of one device, found by line or by address of record."""

    def __init__(self, accounts: list[Account]) -> None:
        self._accounts = {account.line: account for account in accounts}

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def of_line(self, line: int) -> Account:
        return self._accounts[line]

    def replace(self, account: Account) -> None:
        """Give a line another account, such as one with a new password."""
        self._accounts[account.line] = account

    def of_address(self, address: str) -> Account | None:
        """The account of an address of record in a name-addr or URI; the user part decides."""
        user, _, _ = user_host(uri_of(address) or address)
        return next((account for account in self._accounts.values() if account.user == user), None)

    def of_message(self, message: SipMessage) -> Account | None:
        """The account that a message of the device is about: by its From, or, for what goes to it, its To."""
        return self.of_address(message.get("From") or "") or self.of_address(message.get("To") or "")
