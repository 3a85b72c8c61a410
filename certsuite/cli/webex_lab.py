"""From a device in Webex to one at the bench and back: its device info, and what it registered as."""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from certsuite.checks.span import Span
from certsuite.core.errors import BenchError, UsageError
from certsuite.core.events import BindingChanged
from certsuite.core.observations import Observation
from certsuite.core.redaction import printable
from certsuite.edge.webex_emulator import LAB
from certsuite.webex.answers import CallingDevice, Members

PASSWORD = "WEBEX_SIP_PASSWORD"
"The variable in which a device's SIP password is."
_PATIENCE_S = 10.0
_GATEWAY = "gateway"


def device_info_text(device: CallingDevice, members: Members) -> str:
    """Device info in the neutral form (``docs/device-info.md``), of a device with one line.

    The API tells the digest user of the owner alone. Raises :class:`UsageError` for more lines, and for a device whose
    account Webex has not made yet.
    """
    if len(members.members) != 1:
        raise UsageError(
            f"the device has {len(members.members)} lines, and the API has the digest user of its owner's alone; "
            "the device info file of Webex has them all"
        )
    owner, proxy = device.owner, device.proxy
    if owner is None or proxy is None or not owner.line_port or not proxy.outbound_proxy:
        raise UsageError("Webex has not made the device's account yet; try again in a minute")
    (line,) = members.members
    account = {
        "line": line.port,
        "aor": owner.line_port,
        "auth_user": owner.sip_user_name,
        "display_name": line.name,
        "password": {"env": PASSWORD},
    }
    document = {
        "schema": 1,
        "kind": _GATEWAY if _GATEWAY in device.model.lower() else "phone",
        "mac": device.mac,
        "outbound_proxy": proxy.outbound_proxy,
        "accounts": [account],
    }
    return json.dumps(document, indent=2) + "\n"


def registered_with(observations: Sequence[Observation]) -> str:
    """The User-Agent of the REGISTER that made the first binding of a run; empty if there is none."""
    span = Span(observations)
    bound = next((seen for seen in span.of(BindingChanged) if seen.event.granted_s > 0), None)
    if bound is None:
        return ""
    before = [seen for seen in span.messages(method="REGISTER", line=bound.at.line) if seen.at.seq < bound.at.seq]
    return before[-1].message.user_agent if before else ""


def tell_emulator(emulator: str | None, mac: str, user_agent: str, *, root: Path | None = None) -> None:
    """Tell an emulator that a device has registered. Raises :class:`UsageError` and :class:`BenchError`."""
    if emulator is None:
        raise UsageError("only an emulator is told so: give --emulator URL; Webex sees the device itself")
    place = urlsplit(emulator)
    verify = ssl.create_default_context(cafile=str(root)) if root else ssl.create_default_context()
    body = {"mac": mac.replace(":", "").upper(), "userAgent": user_agent}
    try:
        with httpx.Client(verify=verify, timeout=_PATIENCE_S, trust_env=False) as client:
            answer = client.post(f"{place.scheme}://{place.netloc}{LAB}", json=body)
    except httpx.HTTPError as error:
        raise BenchError(f"{printable(emulator)}: {printable(str(error))}") from error
    if answer.status_code != httpx.codes.NO_CONTENT:
        raise BenchError(f"{printable(emulator)}: {answer.status_code} {printable(answer.text)}")
