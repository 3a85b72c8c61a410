"""Writes a device's configuration without a run: for a look, or for a device that is configured by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from certsuite.bench.addresses import LoopbackNet
from certsuite.bench.network import ASKED_EXPIRY_S, OUTBOUND_PROXY, TARGETS, line_settings, mint_accounts
from certsuite.core.errors import UsageError
from certsuite.devices.generate import generate
from certsuite.devices.profile import DeviceProfile
from certsuite.devices.settings import DeviceSettings
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki

_RESOLVER = "127.0.0.53"
_DEVICE = "127.0.0.100"
_CONTROL_PORT = 47_600


def provision_sample(profile: DeviceProfile, out: Path) -> list[Path]:
    """Generate into ``out``, with minted accounts and roots; gives what was written.

    Raises :class:`UsageError` if ``out`` cannot be written to or is not empty.
    """
    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(out.iterdir()):
            raise UsageError(f"{out} is not empty; choose another folder with --out DIR")
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}") from error
    with KeyPool() as keys:
        pki = Pki.mint(datetime.now(UTC), Names(OUTBOUND_PROXY, tuple(TARGETS.values())), keys)
    lab_root, trusted_roots = out / "lab-root.pem", out / "trusted-roots.pem"
    lab_root.write_bytes(pki.root_pem)
    trusted_roots.write_bytes(pki.trusted_bundle())
    settings = DeviceSettings(
        outbound_proxy=OUTBOUND_PROXY,
        resolver=(_RESOLVER, LoopbackNet.dns_port),
        device_address=_DEVICE,
        lines=tuple(line_settings(account) for account in mint_accounts(profile.lines, {})),
        expires=ASKED_EXPIRY_S,
        lab_root=lab_root,
        trusted_roots=trusted_roots,
    )
    files = generate(profile, settings, out / "config", control_port=_CONTROL_PORT)
    return [lab_root, trusted_roots, *(file.path for file in files)]
