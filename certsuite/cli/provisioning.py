"""Writes a device's configuration without a run: for a look, or for a device that is configured by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from certsuite.bench.addresses import LoopbackNet
from certsuite.bench.network import ASKED_EXPIRY_S, OUTBOUND_PROXY, TARGETS, line_settings, mint_accounts
from certsuite.core.errors import UsageError
from certsuite.devices.device_info import DeviceInfo, check_fit
from certsuite.devices.generate import generate
from certsuite.devices.profile import DeviceProfile
from certsuite.devices.settings import DeviceSettings
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki

_RESOLVER = "127.0.0.53"
_DEVICE = "127.0.0.100"
_CONTROL_PORT = 47_600


@dataclass(frozen=True, slots=True)
class Given:
    """What the configuration is made from in place of samples."""

    info: DeviceInfo | None = None
    "None: accounts are minted."
    root: Path | None = None
    "PEM file of the root that the device is to trust. None: one is minted."


def provision_sample(profile: DeviceProfile, out: Path, given: Given | None = None) -> list[Path]:
    """Generate into ``out``; gives what was written.

    Raises :class:`UsageError` if ``out`` cannot be written to or is not empty, or if the profile and what is given do
    not fit together.
    """
    given = given or Given()
    info = given.info
    if info is not None:
        check_fit(profile, info)
    root, bundle = _roots(given.root)
    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(out.iterdir()):
            raise UsageError(f"{out} is not empty; choose another folder with --out DIR")
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}") from error
    lab_root, trusted_roots = out / "lab-root.pem", out / "trusted-roots.pem"
    lab_root.write_bytes(root)
    trusted_roots.write_bytes(bundle)
    settings = DeviceSettings(
        outbound_proxy=info.outbound_proxy if info else OUTBOUND_PROXY,
        resolver=(_RESOLVER, LoopbackNet.dns_port),
        device_address=_DEVICE,
        lines=info.accounts if info else tuple(line_settings(one) for one in mint_accounts(profile.lines, {})),
        expires=ASKED_EXPIRY_S,
        lab_root=lab_root,
        trusted_roots=trusted_roots,
        monitored=info.monitored if info else (),
        codecs=info.codecs if info else (),
        mac=info.mac if info else "",
    )
    files = generate(profile, settings, out / "config", control_port=_CONTROL_PORT)
    return [lab_root, trusted_roots, *(file.path for file in files)]


def _roots(given: Path | None) -> tuple[bytes, bytes]:
    """(the root, everything that a softphone is to trust), as PEM."""
    if given is None:
        with KeyPool() as keys:
            pki = Pki.mint(datetime.now(UTC), Names(OUTBOUND_PROXY, tuple(TARGETS.values())), keys)
        return pki.root_pem, pki.trusted_bundle()
    try:
        root = given.read_bytes()
        x509.load_pem_x509_certificates(root)
    except OSError as error:
        raise UsageError(f"{given}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{given}: holds no certificate in PEM form") from error
    return root, root
