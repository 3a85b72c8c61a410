"""From a device in Webex to one at the bench: its device info."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from certsuite.core.errors import UsageError
from certsuite.webex.answers import CallingDevice, Member, Members, Owner

PASSWORD = "WEBEX_SIP_PASSWORD"
"The variable in which a device's SIP password is."
_GATEWAY = "gateway"
_SHARED = "SHARED_CALL_APPEARANCE"
_NOT_YET = "Webex has not made the device's account yet; try again in a minute"


def device_info_text(device: CallingDevice, members: Members, codecs: Sequence[str] = ()) -> str:
    """Device info in the neutral form (``docs/device-info.md``), with every line of a phone or port of a gateway.

    The API has one digest user and one password a device, so all its lines are given these (``docs/webex.md``). Raises
    :class:`UsageError` for a device whose accounts Webex has not made yet.
    """
    owner, proxy = device.owner, device.proxy
    if owner is None or proxy is None or not proxy.outbound_proxy or not members.members:
        raise UsageError(_NOT_YET)
    document: dict[str, object] = {
        "schema": 1,
        "kind": _GATEWAY if _GATEWAY in device.model.lower() else "phone",
        "mac": device.mac,
        "outbound_proxy": proxy.outbound_proxy,
        "accounts": [
            account
            for member in sorted(members.members, key=lambda member: member.port)
            for account in _accounts_of(member, owner)
        ],
    }
    if codecs:
        document["codecs"] = list(codecs)
    return json.dumps(document, indent=2) + "\n"


def _accounts_of(member: Member, owner: Owner) -> Iterator[dict[str, object]]:
    """A member's accounts: it has as many lines as it has weight, one beside the other."""
    aor = member.line_port or (owner.line_port if member.primary_owner else "")
    if not aor:
        raise UsageError(f"port {member.port}: {_NOT_YET}")
    for line in range(member.port, member.port + member.line_weight):
        account: dict[str, object] = {
            "line": line,
            "aor": aor,
            "auth_user": owner.sip_user_name,
            "display_name": member.name,
            "password": {"env": PASSWORD},
        }
        if member.line_label:
            account["label"] = member.line_label
        if member.line_type == _SHARED:
            account["appearance"] = "shared"
        yield account
