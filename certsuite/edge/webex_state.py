"""An organization as the Webex API shows it, in memory: what the emulator answers, without the network.

Shapes are those of the official OpenAPI description. What it leaves open is decided here as ``docs/webex.md`` says:
which status a refusal has, and what models of partner-managed devices are called.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from certsuite.edge.webex_models import MODELS, Json, Refusal, settings_with
from certsuite.sip.user_agent import read_user_agent

REGISTRAR = "98079822.lab-cluster.bcld.invalid"
OUTBOUND_PROXY = "hs17.hosted-lab.bcld.test"
"Those of the bench, so that a device that was created here can be certified there."
IN_USE = 5675
TWICE_IN_LIST = 5676
NOT_A_MAC = 25220
"Webex' error codes of validateMacs; other refusals have none that is documented."
ACCESS_LIVES_S = 14 * 86_400
REFRESH_LIVES_S = 90 * 86_400

_PASSWORD = (r"[A-Z]", r"[a-z]", r"[0-9]", r"[^A-Za-z0-9]")
_PASSWORD_AT_LEAST = 8


@dataclass(frozen=True, slots=True)
class Someone:
    """A person or a workspace."""

    id: str
    first_name: str
    last_name: str
    kind: str
    "PEOPLE or PLACE."
    extension: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(slots=True)
class Held:
    """A device that was created."""

    id: str
    calling_id: str
    mac: str
    model: str
    "A row of :data:`MODELS`."
    owner: Someone
    password: str
    created: str
    line_port: str
    members: list[Json]
    applied: int = 0
    "How often it was told to fetch its configuration."
    product: str = ""
    software: str = ""
    connection: str = "activating"
    codecs: tuple[str, ...] = ()
    "Three by Webex' names if an administrator set them for this device."


@dataclass(slots=True)
class Organization:
    """One organization, its Service App and the tokens that are out."""

    now: Callable[[], float]
    "Seconds since 1970."
    id: str = ""
    people: dict[str, Someone] = field(default_factory=dict)
    "People and workspaces."
    devices: dict[str, Held] = field(default_factory=dict)
    "By their id of ``/devices``, in the order of their making."
    client_id: str = "lab-client"
    client_secret: str = field(default_factory=lambda: uuid.uuid4().hex)
    application_id: str = field(default_factory=lambda: _id("APPLICATION"))
    manager_token: str = field(default_factory=lambda: uuid.uuid4().hex)
    "It mints the Service App's tokens, and nothing else."
    access: dict[str, float] = field(default_factory=dict)
    "When each access token expires."
    refresh: dict[str, float] = field(default_factory=dict)
    registers_as: tuple[str, str] | None = None
    "Make and model of every device: it registers as soon as it is told to apply changes. None registers by itself."

    def __post_init__(self) -> None:
        self.id = self.id or _id("ORGANIZATION")
        self.access[self.manager_token] = self.now() + ACCESS_LIVES_S

    # --- what the lab does

    def someone(self, first_name: str, last_name: str = "", *, kind: str = "PEOPLE") -> Someone:
        """A new person, or a workspace (``PLACE``)."""
        made = Someone(_id(kind), first_name, last_name, kind, str(1000 + len(self.people)))
        self.people[made.id] = made
        return made

    def registered(self, mac: str, make: str, model: str, software: str = "") -> None:
        """A device has registered with make and model in its User-Agent. :class:`KeyError` if there is none."""
        device = next((one for one in self.devices.values() if one.mac == mac), None)
        if device is None:
            raise KeyError(mac)
        device.connection = "connected"
        device.product = f"{device.model} - {make} {model}" if make and model else device.model
        device.software = software

    def registered_as(self, mac: str, user_agent: str) -> None:
        """A device has registered with this User-Agent. :class:`KeyError` if there is none with this MAC address."""
        product = read_user_agent(user_agent)
        self.registered(mac, product.make, product.model, product.firmware)

    # --- tokens

    def mint(self, lives_s: float = ACCESS_LIVES_S) -> Json:
        """A new pair of tokens."""
        access, refresh = uuid.uuid4().hex, uuid.uuid4().hex
        self.access[access] = self.now() + lives_s
        self.refresh[refresh] = self.now() + REFRESH_LIVES_S
        return {
            "access_token": access,
            "expires_in": int(lives_s),
            "refresh_token": refresh,
            "refresh_token_expires_in": REFRESH_LIVES_S,
            "token_type": "Bearer",
        }

    def service_app_token(self, application_id: str, body: Json, bearer: str) -> Json:
        """``POST /applications/{applicationId}/token``."""
        client_id, secret, target = (_text(body, name) for name in ("clientId", "clientSecret", "targetOrgId"))
        if bearer != self.manager_token:
            raise Refusal(403, "The token lacks the scope spark:applications_token.")
        if application_id != self.application_id:
            raise Refusal(404, "There is no such Service App.")
        if (client_id, secret) != (self.client_id, self.client_secret):
            raise Refusal(401, "Client id or secret is wrong.")
        if target != self.id:
            raise Refusal(403, "The Service App is not authorized in this organization.")
        return self.mint()

    def refreshed(self, form: Mapping[str, str]) -> Json:
        """``POST /access_token`` (RFC 6749 section 6). The refresh token stays, and lives anew."""
        if form.get("grant_type") != "refresh_token":
            raise Refusal(400, "grant_type must be refresh_token.")
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            raise Refusal(401, "Client id or secret is wrong.")
        token = form.get("refresh_token", "")
        if self.refresh.pop(token, 0.0) <= self.now():
            raise Refusal(400, "The refresh token provided is expired, revoked, malformed, or invalid.")
        pair = self.mint()
        del self.refresh[pair["refresh_token"]]
        self.refresh[token] = self.now() + REFRESH_LIVES_S
        return pair | {"refresh_token": token}

    def expiry(self, bearer: str) -> Json:
        """``GET /authorizations/tokenExpiry``; milliseconds since 1970."""
        return {"exp": int(self.access[bearer] * 1000)}

    def authorize(self, bearer: str) -> None:
        """Refuses a token that there is not, or no longer."""
        if self.access.get(bearer, 0.0) <= self.now():
            raise Refusal(401, "The request requires a valid access token set in the Authorization request header.")

    # --- devices

    def listed(self, query: Mapping[str, str]) -> list[Json]:
        """``GET /devices``, all of them."""
        wanted = {name: value for name, value in query.items() if name in _DEVICE_FILTERS}
        if "mac" in wanted:
            wanted["mac"] = _with_colons(re.sub(r"[:.\-]", "", wanted["mac"]).upper())
        shown = [self.shown(one) for one in self.devices.values()]
        return [one for one in shown if all(_matches(one, *item) for item in wanted.items())]

    def device(self, device_id: str) -> Held:
        """The device of an id of ``/devices``."""
        if device_id not in self.devices:
            raise Refusal(404, "Device not found.")
        return self.devices[device_id]

    def calling(self, calling_id: str) -> Held:
        """The device of an id of ``/telephony/config``."""
        for one in self.devices.values():
            if one.calling_id == calling_id:
                return one
        raise Refusal(404, "Device not found.")

    def create(self, body: Json) -> Json:
        """``POST /devices``."""
        mac, model = _text(body, "mac"), _text(body, "model")
        person, workspace = _text(body, "personId", ""), _text(body, "workspaceId", "")
        password = _text(body, "password", "")
        if not _is_mac(mac):
            raise Refusal(400, f"[Error {NOT_A_MAC}] Invalid MAC address.", NOT_A_MAC)
        if bool(person) == bool(workspace):
            raise Refusal(400, "Either workspaceId or personId should be provided.")
        owner = self.people.get(person or workspace)
        if owner is None or owner.kind != ("PEOPLE" if person else "PLACE"):
            raise Refusal(404, "The owner was not found.")
        if model not in MODELS:
            raise Refusal(400, "The model is not supported.")
        if MODELS[model][0] == "THIRD_PARTY":
            _check_password(password)
        if any(one.mac == mac.upper() for one in self.devices.values()):
            raise Refusal(409, f"[Error {IN_USE}] MAC Address is in use.", IN_USE)
        line_port = f"{uuid.uuid4().hex[:10]}@{REGISTRAR}"
        now = datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = _line(owner, port=1, primary=True, line_port=line_port)
        made = Held(
            _id("DEVICE"),
            _id("CALLING_DEVICE"),
            mac.upper(),
            model,
            owner,
            password,
            now,
            line_port,
            [line],
            product=model,
        )
        self.devices[made.id] = made
        return self.shown(made)

    def shown(self, device: Held) -> Json:
        """A device of ``/devices``."""
        owner = {"personId": device.owner.id} if device.owner.kind == "PEOPLE" else {"workspaceId": device.owner.id}
        return owner | {
            "id": device.id,
            "callingDeviceId": device.calling_id,
            "displayName": device.owner.name,
            "placeId": device.owner.id,
            "orgId": self.id,
            "capabilities": [],
            "permissions": [],
            "connectionStatus": device.connection,
            "product": device.product,
            "type": "phone",
            "tags": [],
            "mac": _with_colons(device.mac),
            "software": device.software,
            "created": device.created,
            "errorCodes": [],
            "managedBy": MODELS[device.model][1],
            "devicePlatform": "cisco",
        }

    # --- calling

    def details(self, device: Held) -> Json:
        """``GET /telephony/config/devices/{deviceId}``."""
        return {
            "manufacturer": MODELS[device.model][0],
            "managedBy": MODELS[device.model][1],
            "id": device.calling_id,
            "ip": "",
            "mac": device.mac,
            "model": device.model,
            "activationState": "activated" if device.connection == "connected" else "activating",
            "description": [],
            "upgradeChannelEnabled": False,
            "owner": {"sipUserName": f"4085550{device.owner.extension[-3:]}", "linePort": device.line_port},
            "proxy": {"outboundProxy": OUTBOUND_PROXY},
        }

    def set_password(self, device: Held, body: Json) -> None:
        """``PUT /telephony/config/devices/{deviceId}``."""
        password = _text(body, "sipPassword")
        _check_password(password)
        device.password = password

    def settings(self, device: Held) -> Json:
        """``GET .../settings``."""
        return settings_with(device.codecs)

    def members(self, device: Held) -> Json:
        """``GET .../members``."""
        return {"model": device.model, "members": device.members, "maxLineCount": MODELS[device.model][2]}

    def set_members(self, device: Held, body: Json) -> None:
        """``PUT .../members``: the list is replaced; without one the primary owner remains."""
        rows = body.get("members", [])
        if not isinstance(rows, list):
            raise Refusal(400, "members must be an array.")
        lines = [self._member(row) for row in rows]
        if not lines:
            device.members = [one for one in device.members if one["primaryOwner"]]
            return
        if [one["id"] for one in lines if one["primaryOwner"]] != [device.owner.id]:
            raise Refusal(400, "The primary owner cannot be changed.")
        if len({one["port"] for one in lines}) != len(lines):
            raise Refusal(400, "Each member needs a port of its own.")
        if sum(one["lineWeight"] for one in lines) > MODELS[device.model][2]:
            raise Refusal(400, "Too many lines.")
        known = {one["id"]: one["linePort"] for one in device.members}
        device.members = [one | {"linePort": known.get(one["id"], one["linePort"])} for one in lines]

    def _member(self, row: object) -> Json:
        if not isinstance(row, dict):
            raise Refusal(400, "A member must be an object.")
        id, line_type, hotline = (_text(row, name) for name in ("id", "lineType", "hotlineDestination"))
        port, weight = _number(row, "port"), _number(row, "lineWeight")
        flags = {name: _flag(row, name) for name in ("primaryOwner", "hotlineEnabled", "allowCallDeclineEnabled")}
        if "t38FaxCompressionEnabled" in row:
            flags["t38FaxCompressionEnabled"] = _flag(row, "t38FaxCompressionEnabled")
        if line_type not in ("PRIMARY", "SHARED_CALL_APPEARANCE"):
            raise Refusal(400, "lineType must be PRIMARY or SHARED_CALL_APPEARANCE.")
        if _text(row, "lineLabel", ""):
            raise Refusal(400, "This device has no line labels.")
        if id not in self.people:
            raise Refusal(404, "The member was not found.")
        if port < 1 or weight < 1:
            raise Refusal(400, "port and lineWeight count from 1.")
        line = _line(self.people[id], port=port, primary=False, line_port=f"{uuid.uuid4().hex[:10]}@{REGISTRAR}")
        return line | flags | {"lineType": line_type, "lineWeight": weight, "hotlineDestination": hotline}

    def apply(self, device: Held) -> None:
        """``POST .../applyChanges/invoke``."""
        device.applied += 1
        if self.registers_as is not None:
            self.registered(device.mac, *self.registers_as)

    def validate_macs(self, body: Json) -> Json:
        """``POST .../validateMacs/invoke``."""
        macs = body.get("macs")
        if not isinstance(macs, list) or not all(isinstance(one, str) for one in macs):
            raise Refusal(400, "macs must be an array of strings.")
        used = {one.mac for one in self.devices.values()}
        rows = list(_mac_states(macs, used))
        return {"status": "ERRORS" if any("errorCode" in row for row in rows) else "OK", "macStatus": rows}


_DEVICE_FILTERS = {
    *("displayName", "personId", "workspaceId", "connectionStatus", "product", "type", "serial", "tag", "software"),
    *("upgradeChannel", "errorCode", "capability", "permission", "locationId", "workspaceLocationId", "mac"),
    *("devicePlatform", "plannedMaintenance"),
}
_FILTER_OF_A_LIST = {
    "tag": "tags",
    "errorCode": "errorCodes",
    "capability": "capabilities",
    "permission": "permissions",
}


def _matches(device: Json, name: str, value: str) -> bool:
    if name in _FILTER_OF_A_LIST:
        return value in device[_FILTER_OF_A_LIST[name]]
    return bool(device.get(name) == value)


def _line(who: Someone, *, port: int, primary: bool, line_port: str) -> Json:
    return {
        "id": who.id,
        "firstName": who.first_name,
        "lastName": who.last_name,
        "extension": who.extension,
        "primaryOwner": primary,
        "port": port,
        "lineType": "PRIMARY" if primary else "SHARED_CALL_APPEARANCE",
        "lineWeight": 1,
        "hotlineEnabled": False,
        "hotlineDestination": "",
        "allowCallDeclineEnabled": True,
        "linePort": line_port,
        "memberType": who.kind,
    }


def _mac_states(macs: list[str], used: set[str]) -> Iterator[Json]:
    seen = set()
    for mac in macs:
        row = {"mac": mac}
        if not _is_mac(mac):
            yield row | _mac_problem("INVALID", NOT_A_MAC, "Invalid MAC address.")
        elif mac.upper() in seen:
            yield row | _mac_problem("DUPLICATE_IN_LIST", TWICE_IN_LIST, "MAC Address is twice in the list.")
        elif mac.upper() in used:
            yield row | _mac_problem("UNAVAILABLE", IN_USE, "MAC Address is in use.")
        else:
            yield row | {"state": "AVAILABLE"}
        seen.add(mac.upper())


def _mac_problem(state: str, code: int, text: str) -> Json:
    return {"state": state, "errorCode": code, "message": f"[Error {code}] {text}"}


def _is_mac(text: str) -> bool:
    return re.fullmatch(r"[0-9A-Fa-f]{12}", text) is not None


def _with_colons(mac: str) -> str:
    return ":".join(mac[at : at + 2] for at in range(0, len(mac), 2))


def _check_password(password: str) -> None:
    """The rules for partner-managed devices (help.webex.com/1mh2m9)."""
    if len(password) < _PASSWORD_AT_LEAST or not all(re.search(one, password) for one in _PASSWORD):
        raise Refusal(400, "The password needs 8 characters with upper and lower case, a digit and a special one.")


def _text(body: Json, name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise Refusal(400, f"{name} must be a string.")
    return value


def _number(row: Json, name: str) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
        raise Refusal(400, f"{name} must be a number.")
    return int(value)


def _flag(row: Json, name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool):
        raise Refusal(400, f"{name} must be true or false.")
    return value


def _id(kind: str) -> str:
    """An id in the manner of Webex: base64 of a URI."""
    return base64.b64encode(f"ciscospark://us/{kind}/{uuid.uuid4()}".encode()).decode().rstrip("=")
