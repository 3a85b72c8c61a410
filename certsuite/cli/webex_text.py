"""What ``certsuite webex`` prints. Everything comes from Webex, so nothing is printed as it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from certsuite.core.redaction import printable
from certsuite.webex.answers import (
    CallingDevice,
    Device,
    DeviceStatus,
    MacReport,
    Member,
    Members,
    SupportedDevice,
)

_UNKNOWN = "-"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side."""
    cells = [list(header), *([printable(cell) or _UNKNOWN for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def _fields(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"{name:16}{printable(value) or _UNKNOWN}" for name, value in rows)


def devices_text(devices: Sequence[Device]) -> str:
    """A row for each device."""
    if not devices:
        return "no devices"
    return table(
        ("MAC", "CONNECTION", "MANAGED BY", "PRODUCT", "OF", "ID"),
        [(one.mac, one.connection_status, one.managed_by, one.product, one.display_name, one.id) for one in devices],
    )


def models_text(models: Sequence[SupportedDevice]) -> str:
    """A row for each model."""
    if not models:
        return "Webex lists no partner-managed devices: the organization may not be enabled for them"
    return table(("MODEL", "TYPE", "LINES"), [(one.model, one.type, str(one.number_of_line_ports)) for one in models])


def macs_text(report: MacReport) -> str:
    """A row for each MAC address."""
    return table(("MAC", "STATE", "WHY"), [(one.mac, one.state, one.message) for one in report.mac_status])


def device_text(device: Device, calling: CallingDevice) -> str:
    """A device, and what a template of its configuration needs."""
    owner, proxy = calling.owner, calling.proxy
    user, _, registrar = owner.line_port.partition("@") if owner else ("", "", "")
    return _fields(
        [
            ("MAC", device.mac),
            ("model", calling.model),
            ("managed by", calling.managed_by),
            ("of", device.display_name),
            ("connection", device.connection_status),
            ("SIP user", user),
            ("registrar", registrar),
            ("auth user", owner.sip_user_name if owner else ""),
            ("outbound proxy", proxy.outbound_proxy if proxy else ""),
            ("SRV", f"_sips._tcp.{proxy.outbound_proxy}" if proxy and proxy.outbound_proxy else ""),
        ]
    )


def members_text(members: Members) -> str:
    """A row for each line."""
    rows = [
        (str(one.port), one.name, "yes" if one.primary_owner else "no", one.line_type, one.extension, one.line_port)
        for one in sorted(members.members, key=lambda one: one.port)
    ]
    head = f"{printable(members.model)}: {len(rows)} of at most {members.max_line_count} lines\n"
    return head + table(("PORT", "NAME", "OWNER", "TYPE", "EXTENSION", "LINE PORT"), rows)


def changes_text(before: Sequence[Member], after: Sequence[Member]) -> str:
    """Which lines stay, come and go."""
    had = {(one.id, one.port): one for one in before}
    wanted = {(one.id, one.port) for one in after}
    names = {one.id: one.name for one in before}
    lines = []
    for one in after:
        what = "keeps" if (one.id, one.port) in had else "adds "
        lines.append(f"{what}  port {one.port}: {printable(names.get(one.id) or one.id)}")
    gone = [one for place, one in had.items() if place not in wanted]
    lines += [f"takes  port {one.port}: {printable(one.name)}" for one in gone]
    return "\n".join(lines)


def status_document(status: DeviceStatus) -> dict[str, object]:
    """A status for programs."""
    return asdict(status) | {"registered": status.registered}


def status_text(status: DeviceStatus) -> str:
    """A status, and what to look at if it is not as it should be."""
    text = _fields(
        [
            ("connection", status.connection),
            ("product", status.product),
            ("kind", status.kind),
            ("make and model", status.make_and_model),
            ("managed by", status.managed_by),
            ("last seen", status.last_seen),
        ]
    )
    if not status.registered:
        text += "\nit has not registered: has it fetched its configuration ('certsuite webex device apply')?"
    elif not status.make_and_model:
        text += "\nWebex shows no make and model: they come from the User-Agent of the device's requests"
    return text
