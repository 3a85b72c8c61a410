"""The Webex API, as far as partner-managed devices need it.

Every method raises :class:`~certsuite.webex.errors.WebexError`. In a dry run what changes something is shown, not sent.
Sources: the official OpenAPI description (github.com/webex/webex-openapi-specs), and the notes beside each method.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from http.client import NO_CONTENT
from itertools import count
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret, printable
from certsuite.webex.answers import (
    PARTNER,
    Answer,
    CallingDevice,
    Device,
    DeviceStatus,
    MacReport,
    Member,
    Members,
    Settings,
    SupportedDevice,
    mac_forms,
    normal_mac,
    status_of,
)
from certsuite.webex.errors import (
    Conflict,
    Forbidden,
    OutcomeUnknown,
    Refused,
    Unauthorized,
    UnexpectedAnswer,
    WebexError,
)
from certsuite.webex.lines_file import settings_of
from certsuite.webex.request import Request
from certsuite.webex.tokens import Credentials, Tokens
from certsuite.webex.wire import Wire, back_off, document

A = TypeVar("A", bound=Answer)

_CALLING = "/telephony/config/devices"


class WebexClient:
    """The verbs. It lives as long as its :class:`Wire`, which the caller opens and closes."""

    def __init__(self, wire: Wire, credentials: Credentials, *, org_id: str = "") -> None:
        """``org_id`` is a customer's organization, for partners; their own unless given."""
        self._wire = wire
        self._tokens = Tokens(credentials, wire)
        self._org = {"orgId": org_id} if org_id else {}
        self._owners: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    # --- reading

    async def devices(self, *, person_id: str = "", workspace_id: str = "", mac: str = "") -> tuple[Device, ...]:
        """The organization's devices, or a person's, a workspace's, or those with a MAC address; all pages."""
        owner = {"personId": person_id, "workspaceId": workspace_id}
        query = {name: value for name, value in owner.items() if value}
        if not mac:
            return await self._listed(query)
        # In which way Webex wants it written is not documented; what it gives is looked through in any case.
        for written in mac_forms(mac):
            if found := [one for one in await self._listed(query | {"mac": written}) if one.has_mac(mac)]:
                return tuple(found)
        return ()

    async def find(self, mac: str) -> Device | None:
        """The device with this MAC address."""
        return next(iter(await self.devices(mac=mac)), None)

    async def device(self, device_id: str) -> Device:
        """One device."""
        return _parsed(Device, await self._read(f"/devices/{_quoted(device_id)}"), "GET /devices/{deviceId}")

    async def status(self, device_id: str) -> DeviceStatus:
        """How Webex shows a device: connection, and make and model after it has registered."""
        return status_of(await self.device(device_id))

    async def calling(self, device: Device) -> CallingDevice:
        """What its configuration is made of: digest user, line and port, outbound proxy."""
        return _parsed(CallingDevice, await self._read(_of(device)), "GET " + _CALLING + "/{deviceId}")

    async def members(self, device: Device) -> Members:
        """All its lines."""
        return _parsed(Members, await self._read(f"{_of(device)}/members"), "GET .../members")

    async def settings(self, device: Device) -> Settings:
        """What was set for it; nothing for a model that has no settings, which Webex says by a refusal."""
        try:
            return _parsed(Settings, await self._read(f"{_of(device)}/settings"), "GET .../settings")
        except (Unauthorized, Forbidden):
            raise
        except Refused:
            return Settings()

    async def supported_devices(self, *, managed_by: str = PARTNER) -> tuple[SupportedDevice, ...]:
        """Models that can be created, of those who manage them. Which strings stand for them is told nowhere else."""
        data = await self._read("/telephony/config/supportedDevices")
        rows = data.get("devices")
        if not isinstance(rows, list):
            raise UnexpectedAnswer("devices is no list", request="GET /telephony/config/supportedDevices")
        devices = [_parsed(SupportedDevice, row, "GET /telephony/config/supportedDevices") for row in rows]
        return tuple(one for one in devices if one.managed_by == managed_by)

    async def validate_macs(self, macs: Iterable[str]) -> MacReport:
        """Whether MAC addresses can be used. It changes nothing, though it is a POST. They are sent as they are."""
        request = Request("POST", f"{_CALLING}/actions/validateMacs/invoke", self._org, body={"macs": list(macs)})
        data = await self._call(request)
        assert data is not None
        return _parsed(MacReport, data, request.name)

    # --- changing

    async def create(
        self, mac: str, model: str, password: Secret, *, person_id: str = "", workspace_id: str = ""
    ) -> Device | None:
        """Create a device for a person or a workspace; None in a dry run.

        One at a time for each owner: Webex asks for that, since it decides on primary and secondary devices meanwhile.
        It is never made twice: if the answer is lost, it is looked for before it is tried again. Raises
        :class:`Conflict` if the owner has a device with this MAC address already.
        """
        if bool(person_id) == bool(workspace_id):
            raise UsageError("a device is created either for a person or for a workspace")
        body = {"mac": normal_mac(mac), "model": model, "password": password}
        body |= {"personId": person_id} if person_id else {"workspaceId": workspace_id}
        request = Request("POST", "/devices", self._org, body, changes=True, repeatable=False)
        async with self._owners[person_id or workspace_id]:
            if (there := await self._owned(mac, person_id, workspace_id)) is not None:
                raise Conflict(f"{mac}: the owner has this device already: {printable(there.id)}", request=request.name)
            return await self._create(request, mac, person_id, workspace_id)

    async def _create(self, request: Request, mac: str, person_id: str, workspace_id: str) -> Device | None:
        until = self._wire.deadline()
        lost: OutcomeUnknown | None = None
        for tries in count():
            refused = None
            try:
                data = await self._call(request, until=until)
                return None if data is None else _parsed(Device, data, request.name)
            except OutcomeUnknown as error:
                lost = error
            except Refused as error:
                if lost is None:
                    raise
                refused = error
            pause = 0.0 if refused else back_off(tries)
            if self._wire.clock.monotonic() + pause > until:
                raise lost
            # Webex may still be at it.
            await self._wire.clock.sleep(pause)
            try:
                found = await self._owned(mac, person_id, workspace_id)
            except WebexError as error:
                raise lost from error
            if found is not None:
                return found
            if refused is not None:
                raise refused
        raise AssertionError("counting ends")

    async def _owned(self, mac: str, person_id: str, workspace_id: str) -> Device | None:
        """The owner's device with this MAC address, by the list of all: in which way to write one is not documented."""
        owned = await self.devices(person_id=person_id, workspace_id=workspace_id)
        return next((one for one in owned if one.has_mac(mac)), None)

    async def set_password(self, device: Device, password: Secret) -> None:
        """Set its SIP password."""
        await self._call(Request("PUT", _of(device), self._org, {"sipPassword": password}, changes=True))

    async def set_members(self, device: Device, members: Sequence[Member]) -> None:
        """Replace all its lines: one that is not named is taken away.

        Raises :class:`UsageError` for lines that cannot be: no or several primary owners, a port twice, too many.
        """
        limit = (await self.members(device)).max_line_count
        _check_members(members, limit)
        body = {"members": [settings_of(one) for one in members]}
        await self._call(Request("PUT", f"{_of(device)}/members", self._org, body, changes=True))

    async def apply(self, device: Device) -> None:
        """Have the device fetch its configuration anew. If the answer is lost it is not asked for a second time."""
        path = f"{_of(device)}/actions/applyChanges/invoke"
        await self._call(Request("POST", path, self._org, changes=True, repeatable=False))

    # --- the way

    async def _read(self, path: str) -> dict[str, object]:
        data = await self._call(Request("GET", path, self._org))
        assert data is not None
        return data

    async def _call(self, request: Request, *, until: float | None = None) -> dict[str, object] | None:
        """The JSON of the answer; None if there is none to read."""
        answer = await self._send(request, until=until)
        return None if answer is None or answer.status_code == NO_CONTENT else document(answer, request)

    async def _send(self, request: Request, *, until: float | None = None) -> httpx.Response | None:
        """Send with a token, and once more with a new one after a 401. None in a dry run."""
        token = await self._tokens.current()
        try:
            return await self._wire.send(request, token, until=until)
        except Unauthorized as refused:
            return await self._wire.send(request, await self._tokens.after(token, refused), until=until)

    async def _listed(self, query: dict[str, str]) -> tuple[Device, ...]:
        return tuple(_parsed(Device, one, "GET /devices") for one in await self._pages("/devices", query))

    async def _pages(self, path: str, query: dict[str, str]) -> list[object]:
        """The items of all pages. A next page (RFC 8288) anywhere else would get the token, so it is refused."""
        items: list[object] = []
        request = Request("GET", path, self._org | query)
        seen = set()
        while True:
            answer = await self._send(request)
            assert answer is not None
            page = document(answer, request).get("items")
            if not isinstance(page, list):
                raise UnexpectedAnswer("items is no list", request=f"GET {path}")
            items += page
            following = answer.links.get("next", {}).get("url", "")
            if not following:
                return items
            if not following.startswith(self._wire.base + "/") or following in seen:
                raise UnexpectedAnswer(f"the next page is {printable(following)}", request=f"GET {path}")
            seen.add(following)
            request = Request("GET", following)


def _parsed(kind: type[A], data: object, request: str) -> A:
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UnexpectedAnswer(f"{place}: {first['msg']}", request=request) from None


def _of(device: Device) -> str:
    return f"{_CALLING}/{_quoted(device.calling_id)}"


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _check_members(members: Sequence[Member], limit: int) -> None:
    if sum(one.primary_owner for one in members) != 1:
        raise UsageError("exactly one line is the primary owner's (primaryOwner: true)")
    if len({one.port for one in members}) != len(members):
        raise UsageError("each line has a port of its own")
    # A member with several lines takes as many ports (lineWeight).
    if (lines := sum(one.line_weight for one in members)) > limit:
        raise UsageError(f"{lines} lines; this device has at most {limit}")
