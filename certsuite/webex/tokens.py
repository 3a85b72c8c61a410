"""Access tokens: given, refreshed before they expire, or minted for a Service App.

Sources: ``POST /applications/{applicationId}/token`` and ``GET /authorizations/tokenExpiry`` of the official OpenAPI
description; the refresh grant of RFC 6749 section 6 at ``/access_token``.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import quote

import yaml

from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret, printable
from certsuite.webex.errors import Refused, TokensSwapped, Unauthorized, UnexpectedAnswer
from certsuite.webex.request import Request
from certsuite.webex.wire import Wire, document

RENEW_BEFORE_S = 300.0
"A token is renewed when it lives no longer than this, or than a tenth of its life."

_TOKEN_EXPIRY = Request("GET", "/authorizations/tokenExpiry")
_REFRESH = ("client_id", "client_secret", "refresh_token")
_MINT = ("application_id", "target_org_id", "client_id", "client_secret", "manager_token")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What tokens are made of. At least one of: an access token, what refreshes one, what mints one."""

    access_token: Secret | None = None
    refresh_token: Secret | None = None
    client_id: Secret | None = None
    client_secret: Secret | None = None
    application_id: Secret | None = None
    "The Service App."
    target_org_id: Secret | None = None
    "The organization that the Service App is to act in."
    manager_token: Secret | None = None
    "An access token with the scope ``spark:applications_token``: it mints the Service App's."

    def __post_init__(self) -> None:
        if not (self.access_token or self.refreshes or self.mints):
            given = [one.name for one in fields(self) if getattr(self, one.name)]
            raise UsageError(
                f"no access token can be had{' from ' + ', '.join(given) if given else ''}: give access_token; or "
                f"{', '.join(_REFRESH)}; or {', '.join(_MINT)}. In a file, or in the environment as WEBEX_ACCESS_TOKEN "
                "and so on: see docs/webex.md"
            )

    @property
    def refreshes(self) -> bool:
        """Whether a token can be refreshed."""
        return all(getattr(self, name) for name in _REFRESH)

    @property
    def mints(self) -> bool:
        """Whether a Service App's token can be minted."""
        return all(getattr(self, name) for name in _MINT)


def credentials_from(environment: Mapping[str, str], file: Path | None = None) -> Credentials:
    """From a YAML file that its owner alone can read, or else from ``WEBEX_...`` of the environment.

    Raises :class:`UsageError`; its text never holds what the file holds.
    """
    names = [one.name for one in fields(Credentials)]
    if file is None:
        given = {name: environment.get(f"WEBEX_{name.upper()}", "") for name in names}
    else:
        given = _mapping(file)
        if unknown := sorted(set(given) - set(names)):
            raise UsageError(f"{file}: {printable(', '.join(unknown))}: not known; there are {', '.join(names)}")
    given = {name: text.strip() for name, text in given.items() if text.strip()}
    for name, text in given.items():
        if not text.isascii() or not text.isprintable() or " " in text:
            raise UsageError(f"{file or 'WEBEX_' + name.upper()}: {name} holds a character that none has: copy it anew")
    return Credentials(**{name: Secret(text) for name, text in given.items()})


def private_text(path: Path) -> str:
    """What a file holds that its owner alone can read. Raises :class:`UsageError`."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as text: {error.__class__.__name__}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{path}: others can read it; make it yours alone: chmod 600 {path}")
    return text


def _mapping(path: Path) -> dict[str, str]:
    try:
        data = yaml.safe_load(private_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UsageError(f"{path}:{mark.line + 1 if mark else 1}: not YAML") from None
    if not isinstance(data, dict) or not all(isinstance(one, str) for item in data.items() for one in item):
        raise UsageError(f'{path}: names with a quoted text each are expected, such as access_token: "..."')
    return data


class Tokens:
    """The access token of now. Several may ask at once; it is renewed once."""

    def __init__(self, credentials: Credentials, wire: Wire) -> None:
        self._given = credentials
        self._wire = wire
        self._access = credentials.access_token
        self._refresh = credentials.refresh_token
        self._renew_at: float | None = None
        "On the clock's UTC; None if it was not asked yet."
        self._lock = asyncio.Lock()

    @property
    def _renewable(self) -> bool:
        return self._given.mints or self._can_refresh

    @property
    def _can_refresh(self) -> bool:
        return bool(self._refresh and self._given.client_id and self._given.client_secret)

    async def current(self) -> Secret:
        """A token that lives long enough. Raises :class:`Unauthorized` if none can be had."""
        async with self._lock:
            if self._access is None:
                return await self._renew()
            if not self._renewable:
                return self._access
            if self._renew_at is None:
                await self._ask_expiry()
            if self._renew_at is None or self._wire.clock.utc() >= self._renew_at:
                return await self._renew()
            return self._access

    async def after(self, refused: Secret, problem: Unauthorized) -> Secret:
        """Another token than the one that was refused. Raises ``problem`` if there is no way to one."""
        async with self._lock:
            if self._access is not None and self._access != refused:
                return self._access
            if not self._renewable:
                raise problem
            return await self._renew()

    async def _ask_expiry(self) -> None:
        """When the given token expires; unset if it is no token, or no longer."""
        assert self._access is not None
        try:
            answer = await self._wire.send(_TOKEN_EXPIRY, self._access)
        except Unauthorized:
            return
        assert answer is not None
        expires = document(answer, _TOKEN_EXPIRY).get("exp")
        if not isinstance(expires, int | float):
            raise UnexpectedAnswer("exp is no number", request=_TOKEN_EXPIRY.name)
        now = self._wire.clock.utc()
        self._lives(expires / 1000 - now)

    def _lives(self, seconds: float) -> None:
        self._renew_at = self._wire.clock.utc() + seconds - min(RENEW_BEFORE_S, seconds / 10)

    async def _renew(self) -> Secret:
        if not self._can_refresh:
            return await self._take(self._mint())
        assert self._refresh is not None
        try:
            return await self._take(self._refreshing(self._refresh))
        except Refused as refused:
            await self._look_for_swap()
            if self._given.mints:
                return await self._take(self._mint())
            problem = "the access token cannot be refreshed: " + refused.problem
            raise Unauthorized(
                problem, request=refused.request, status=refused.status, tracking_id=refused.tracking_id
            ) from refused

    async def _look_for_swap(self) -> None:
        """Raises :class:`TokensSwapped` if the refresh token is an access token, or the other way round."""
        given = self._given
        swapped = f"{_TOKEN_EXPIRY.name} takes the refresh token for an access token"
        try:
            await self._wire.send(_TOKEN_EXPIRY, given.refresh_token)
        except Refused:
            if given.access_token is None:
                return
            swapped = "POST /access_token takes the access token for a refresh token"
            try:
                await self._wire.send(self._refreshing(given.access_token))
            except Refused:
                return
        raise TokensSwapped(f"access and refresh token were given in each other's place: {swapped}", status=401)

    def _refreshing(self, token: Secret) -> Request:
        assert self._given.client_id is not None
        assert self._given.client_secret is not None
        return Request(
            "POST",
            "/access_token",
            form={
                "grant_type": "refresh_token",
                "client_id": self._given.client_id,
                "client_secret": self._given.client_secret,
                "refresh_token": token,
            },
        )

    def _mint(self) -> Request:
        given = self._given
        assert given.application_id is not None
        return Request(
            "POST",
            f"/applications/{quote(given.application_id.reveal(), safe='')}/token",
            body={
                "clientId": given.client_id,
                "clientSecret": given.client_secret,
                "targetOrgId": given.target_org_id,
            },
        )

    async def _take(self, request: Request) -> Secret:
        minting = request.form is None
        answer = await self._wire.send(request, self._given.manager_token if minting else None)
        assert answer is not None
        data = document(answer, request)
        access, refresh, lives = data.get("access_token"), data.get("refresh_token"), data.get("expires_in")
        if not isinstance(access, str) or not access or not isinstance(lives, int | float):
            raise UnexpectedAnswer("access_token and expires_in are expected", request=request.name)
        self._access = Secret(access)
        if isinstance(refresh, str) and refresh:
            self._refresh = Secret(refresh)
        self._lives(lives)
        return self._access
