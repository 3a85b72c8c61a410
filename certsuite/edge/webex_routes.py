"""The endpoints of the emulated Webex API: what is asked of the organization, as HTTP says it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote, urlencode

from certsuite.edge.webex_models import Json, Refusal, supported_devices
from certsuite.edge.webex_state import Organization


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has come in whole."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes

    @property
    def bearer(self) -> str:
        """The token that it came with."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""

    def body(self, *, other_type: int = 415) -> Json:
        """Its JSON object. Raises :class:`Refusal`, with ``other_type`` as status if it is not JSON by its type."""
        if self.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(other_type, "The body must be application/json.")
        try:
            data = json.loads(self.raw, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, "The body is not JSON.") from error
        if not isinstance(data, dict):
            raise Refusal(400, "The body must be an object.")
        return data

    def form(self) -> dict[str, str]:
        """Its HTML form."""
        return dict(parse_qsl(self.raw.decode("utf-8", "replace")))


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered."""

    status: int
    body: Json | None = None
    headers: tuple[tuple[str, str], ...] = ()
    raw: str | None = None
    "Sent as it is instead of a body."
    items: list[Json] | None = None
    "A list that is answered page by page."


Handler = Callable[[Organization, Call, Mapping[str, str]], Reply]


def _mint(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    # The description of this one has no 415.
    body = call.body(other_type=400)
    return Reply(200, organization.service_app_token(ids["applicationId"], body, call.bearer))


def _refresh(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    return Reply(200, organization.refreshed(call.form()))


def _expiry(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    return Reply(200, organization.expiry(call.bearer))


def _list(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    return Reply(200, items=organization.listed(call.query))


def _create(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    return Reply(200, organization.create(call.body()))


def _show(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    return Reply(200, organization.shown(organization.device(ids["deviceId"])))


def _details(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    return Reply(200, organization.details(organization.calling(ids["deviceId"])))


def _password(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    organization.set_password(organization.calling(ids["deviceId"]), call.body())
    return Reply(204)


def _members(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    return Reply(200, organization.members(organization.calling(ids["deviceId"])))


def _set_members(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    organization.set_members(organization.calling(ids["deviceId"]), call.body())
    return Reply(204)


def _settings(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    return Reply(200, organization.settings(organization.calling(ids["deviceId"])))


def _apply(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    organization.apply(organization.calling(ids["deviceId"]))
    return Reply(204)


def _macs(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    return Reply(200, organization.validate_macs(call.body()))


def _supported(organization: Organization, call: Call, ids: Mapping[str, str]) -> Reply:
    return Reply(200, supported_devices(call.query))


_CALLING = "/telephony/config/devices"
REFRESH_ROUTE = "POST /access_token"


def _route(method: str, template: str, handler: Handler) -> tuple[str, str, re.Pattern[str], Handler]:
    return method, template, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)), handler


_ROUTES = (
    _route("POST", "/access_token", _refresh),
    _route("POST", "/applications/{applicationId}/token", _mint),
    _route("GET", "/authorizations/tokenExpiry", _expiry),
    _route("GET", "/devices", _list),
    _route("POST", "/devices", _create),
    _route("GET", "/devices/{deviceId}", _show),
    _route("GET", "/telephony/config/supportedDevices", _supported),
    _route("POST", f"{_CALLING}/actions/validateMacs/invoke", _macs),
    _route("GET", _CALLING + "/{deviceId}", _details),
    _route("PUT", _CALLING + "/{deviceId}", _password),
    _route("GET", _CALLING + "/{deviceId}/members", _members),
    _route("PUT", _CALLING + "/{deviceId}/members", _set_members),
    _route("GET", _CALLING + "/{deviceId}/settings", _settings),
    _route("POST", _CALLING + "/{deviceId}/actions/applyChanges/invoke", _apply),
)
ENDPOINTS = tuple((method, template) for method, template, _, _ in _ROUTES)
"Method and path of everything there is, as the official OpenAPI description writes them."


def _own(organization: Organization, call: Call) -> None:
    """Refuses a token of another purpose, and another organization."""
    if call.bearer == organization.manager_token:
        raise Refusal(403, "The token lacks the scope spark-admin:devices_read.")
    if call.query.get("orgId", organization.id) != organization.id:
        raise Refusal(404, "The organization was not found.")


def routed(call: Call) -> tuple[str, Handler | None, Mapping[str, str]]:
    """Route, handler and the ids in the path; none of them if there is no such endpoint."""
    for method, template, pattern, handler in _ROUTES:
        if method == call.method and (match := pattern.fullmatch(call.path)):
            ids = {name: unquote(value) for name, value in match.groupdict().items()}
            return f"{method} {template}", handler, ids
    return "", None, {}


def answered(organization: Organization, call: Call, *, page: int, base_url: str) -> Reply:
    """What the organization makes of a call; lists in pages of at most ``page``."""
    _, handler, ids = routed(call)
    try:
        if handler is None:
            methods = ", ".join(method for method, _, pattern, _ in _ROUTES if pattern.fullmatch(call.path))
            reply = refused(Refusal(405 if methods else 404, "There is no such resource or method."))
            return replace(reply, headers=(("Allow", methods),)) if methods else reply
        if handler is not _refresh:
            organization.authorize(call.bearer)
        if handler not in (_refresh, _mint, _expiry):
            _own(organization, call)
        reply = handler(organization, call, ids)
        return reply if reply.items is None else _page(reply.items, call, page, base_url)
    except Refusal as refusal:
        return refused(refusal)


def _page(items: list[Json], call: Call, limit: int, base_url: str) -> Reply:
    """One page of a list, with the link to the next (RFC 8288)."""
    start, size = _query_number(call.query, "start", 0), _query_number(call.query, "max", limit)
    size = max(1, min(size, limit))
    headers: tuple[tuple[str, str], ...] = ()
    if start + size < len(items):
        following = urlencode({**call.query, "start": start + size, "max": size})
        headers = (("Link", f'<{base_url}{call.path}?{following}>; rel="next"'),)
    return Reply(200, {"items": items[start : start + size]}, headers)


def refused(refusal: Refusal) -> Reply:
    """The error envelope."""
    errors: list[Json] = [{"description": refusal.message}]
    if refusal.code is not None:
        errors[0]["errorCode"] = refusal.code
    body = {"message": refusal.message, "errors": errors, "trackingId": f"EMULATOR_{uuid.uuid4()}"}
    return Reply(refusal.status, body)


def _query_number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}(\.0+)?", text):
        raise Refusal(400, f"{name} must be a number, at least 0.")
    return int(float(text))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
