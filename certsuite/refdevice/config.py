"""The device's configuration: ``phone.toml`` in a directory."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

FILE_NAME = "phone.toml"
FETCHED_NAME = "fetched.toml"
"The last configuration that was fetched: it counts before the one that the device was given."
_USER_AGENT = "Certsuite ReferencePhone/1.0"
_BOOT_S, _RETRY_S, _EXPIRES_S = 0.1, 1.0, 240
_TRANSACTION_S, _SILENCE_S = 8.0, 3.0
_PONG_S = 10.0
"RFC 5626 section 4.4.1."


class ConfigError(ValueError):
    """The configuration cannot be used; the text names the file and the field."""


@dataclass(frozen=True, slots=True)
class Line:
    """One account."""

    user: str
    "User of the AoR."
    domain: str
    "Registrar domain. It is never resolved."
    auth_user: str
    password: str = field(repr=False)
    display_name: str = ""

    @property
    def aor(self) -> str:
        return f"sip:{self.user}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Server:
    """Where the configuration is fetched from, and as whom."""

    url: str
    user: str
    password: str = field(repr=False)
    certificate: str = ""
    "PEM file of a certificate of its own; empty without."
    key: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """All that the device is told."""

    address: str
    "Local address for SIP and RTP."
    outbound_proxy: str
    resolver: tuple[str, int]
    "Address and port of the DNS server."
    trusted_roots: Path
    "PEM file."
    lines: tuple[Line, ...]
    shipped_roots: Path | None = None
    "PEM file of what is trusted besides."
    user_agent: str = _USER_AGENT
    boot_s: float = _BOOT_S
    "Seconds from start until it does anything."
    retry_s: float = _RETRY_S
    "Seconds until it tries again after every target failed."
    transaction_s: float = _TRANSACTION_S
    "Seconds until a request that is not answered has failed."
    silence_s: float = _SILENCE_S
    "Seconds for which a server may say nothing while a connection is made, in TCP and in TLS."
    looks_back_s: float = math.inf
    "Seconds after which it looks for a target better than the one it went to, if that is before the next refresh."
    expires: int = _EXPIRES_S
    "Expiry that is asked for, in seconds."
    message_waiting: bool = False
    "Whether each line subscribes to its message summary."
    monitored: tuple[str, ...] = ()
    "Users, by their URIs, to whose dialogs the first line subscribes."
    keep_alive_s: float = 0.0
    "Seconds between two keep-alives on the flow of the registration; 0 is none."
    pong_s: float = _PONG_S
    "Seconds until a keep-alive that is not answered ends the flow."
    session_minimum_s: int = 90
    "The smallest interval of a session timer that is taken (RFC 4028 section 4)."
    line_spacing_s: float = 0.0
    "Seconds between the REGISTERs of two lines: a device with many spares the registrar their coming all at once."
    ports: bool = False
    "Whether each line is a port with calls of its own: a gateway."
    server: Server | None = None
    "``None``: nothing is fetched."


def load(directory: Path) -> Config:
    """Read ``phone.toml`` of a directory, or what was fetched in its place. Raises :class:`ConfigError`."""
    given = _read(directory, FILE_NAME)
    if given.server is None or not (directory / FETCHED_NAME).exists():
        return given
    return replace(_read(directory, FETCHED_NAME), server=given.server)


def keep(directory: Path, text: bytes) -> None:
    """Make what was fetched the configuration. Raises :class:`ConfigError` if it is none; the last one then stays."""
    path, new = directory / FETCHED_NAME, directory / f"new-{FETCHED_NAME}"
    new.write_bytes(text)
    new.chmod(0o600)
    _read(directory, new.name)
    new.replace(path)


def _read(directory: Path, name: str) -> Config:
    path = directory / name
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    reader = _Reader(str(path), table)
    shipped = reader.text("shipped_roots", "")
    lines, server = table.get("lines"), table.get("server")
    if not isinstance(lines, list) or not lines:
        raise ConfigError(f"{path}: lines: at least one is needed")
    return Config(
        address=reader.text("address"),
        outbound_proxy=reader.text("outbound_proxy"),
        resolver=reader.endpoint("resolver"),
        trusted_roots=directory / reader.text("trusted_roots"),
        lines=tuple(_line(_Reader(f"{path}: lines[{index}]", line)) for index, line in enumerate(lines)),
        shipped_roots=directory / shipped if shipped else None,
        user_agent=reader.text("user_agent", _USER_AGENT),
        boot_s=reader.number("boot_s", _BOOT_S),
        retry_s=reader.number("retry_s", _RETRY_S),
        transaction_s=reader.number("transaction_s", _TRANSACTION_S),
        silence_s=reader.number("silence_s", _SILENCE_S),
        looks_back_s=reader.number("looks_back_s", math.inf),
        expires=int(reader.number("expires", _EXPIRES_S)),
        message_waiting=reader.flag("message_waiting"),
        monitored=reader.texts("monitored"),
        keep_alive_s=reader.number("keep_alive_s", 0.0),
        pong_s=reader.number("pong_s", _PONG_S),
        session_minimum_s=int(reader.number("session_minimum_s", 90)),
        line_spacing_s=reader.number("line_spacing_s", 0.0),
        ports=reader.flag("ports"),
        server=None if server is None else _server(_Reader(f"{path}: server", server)),
    )


def _server(reader: _Reader) -> Server:
    return Server(
        url=reader.text("url"),
        user=reader.text("user"),
        password=reader.text("password"),
        certificate=reader.text("certificate", ""),
        key=reader.text("key", ""),
    )


def _line(reader: _Reader) -> Line:
    return Line(
        user=reader.text("user"),
        domain=reader.text("domain"),
        auth_user=reader.text("auth_user"),
        password=reader.text("password"),
        display_name=reader.text("display_name", ""),
    )


class _Reader:
    """Typed values of a TOML table."""

    def __init__(self, place: str, table: Any) -> None:
        self._place = place
        if not isinstance(table, dict):
            raise ConfigError(f"{place}: a table was expected")
        self._table: dict[str, Any] = table

    def text(self, name: str, default: str | None = None) -> str:
        value = self._table.get(name, default)
        if value is None:
            raise ConfigError(f"{self._place}: {name}: is missing")
        if not isinstance(value, str) or "\n" in value or "\r" in value:
            raise ConfigError(f"{self._place}: {name}: one line of text was expected")
        return value

    def number(self, name: str, default: float) -> float:
        value = self._table.get(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            raise ConfigError(f"{self._place}: {name}: a number that is not negative was expected")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self._table.get(name, False)
        if not isinstance(value, bool):
            raise ConfigError(f"{self._place}: {name}: true or false was expected")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._table.get(name, [])
        if not isinstance(values, list) or not all(isinstance(one, str) and one.isprintable() for one in values):
            raise ConfigError(f"{self._place}: {name}: a list of texts, each of one line, was expected")
        return tuple(values)

    def endpoint(self, name: str) -> tuple[str, int]:
        address, _, port = self.text(name).partition(":")
        if port and not (port.isdecimal() and 0 < int(port) < 65_536):
            raise ConfigError(f"{self._place}: {name}: address:port was expected")
        return address, int(port or 53)
