"""The options of a certification, and what they mean together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from certsuite.bench.addresses import LoopbackNet
from certsuite.bench.network import OUTBOUND_PROXY, REGISTRAR_DOMAIN
from certsuite.bench.run import BENCHES, RunOptions
from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret, printable
from certsuite.devices.credentials import read_credentials
from certsuite.devices.device_info import DeviceInfo
from certsuite.devices.device_info_mapping import read_device_info
from certsuite.pytest_plugin.faults import find_fault
from certsuite.pytest_plugin.webex_teller import emulator_url
from certsuite.tls.probe_roots import IDENTRUST, KnownRoot, ProbedRoot, certificates_of_pem, known_roots

LOOPBACK = LoopbackNet.kind
REFERENCE = "reference"
REFERENCE_DEVICES = (REFERENCE, "reference-gateway", "reference-adapter")
"Profiles of the reference device, which alone has faults and another time."


def add_options(parser: pytest.Parser) -> None:
    """Declare the plugin's options."""
    add = parser.getgroup("certsuite", "certification of SIP devices").addoption
    add("--device", metavar="PROFILE", default=None, help="profile: a path, or a name in device_profiles/")
    add("--plan", metavar="NAME", default=None, help="which cases: smoke, security, failover, ..., full")
    add("--case", metavar="ID", action="append", default=[], help="only this case; may be repeated")
    add("--out", metavar="DIR", default=None, help="folder of the run (default: a new one in reports/)")
    add("--fault", metavar="NAME", action="append", default=[], help="fault of the reference device")
    add("--bench", metavar="NAME", default="loopback", help=f"bench to raise: {' or '.join(BENCHES)}")
    add("--baseline", metavar="RUN", default=None, help="exit code 0 or 1 then says whether this run is worse")
    add("--resume", metavar="RUN", default=None, help="go on with a run that was cut short")
    add("--credentials", metavar="FILE", default=None, help="SIP passwords by line (YAML, owner-only)")
    add("--device-info", metavar="FILE", default=None, help="the device's own accounts instead of minted ones (JSON)")
    add("--mapping", metavar="FILE", default=None, help="where the values of --device-info stand (YAML)")
    add("--webex-emulator", metavar="URL", default=None, help="emulator of the Webex API to tell of the registration")
    add("--root", metavar="NAME", default=IDENTRUST, help="root that the root probe asks for: a name, or a PEM file")
    add("--chain", metavar="FILE", default=None, help="genuine chain under that root (PEM, the leaf first)")
    add("--time-scale", metavar="X", type=float, default=1.0, help="reference device only: scales all times")
    add("--progress", action="store_true", default=False, help="a line a case instead of pytest's own output")


def run_options(config: pytest.Config, profile_name: str) -> RunOptions:
    """The options that go to the bench. Raises :class:`UsageError` where they do not fit together."""
    faults = [find_fault(name) for name in config.getoption("--fault")]
    scale = config.getoption("--time-scale")
    bench = config.getoption("--bench")
    if bench not in BENCHES:
        raise UsageError(f"--bench {printable(bench)}: there is no such bench; there are {', '.join(BENCHES)}")
    if (faults or scale != 1.0) and profile_name not in REFERENCE_DEVICES:
        raise UsageError("--fault and --time-scale are for the reference device only")
    if not 0 < scale <= 1:
        raise UsageError(f"--time-scale {scale}: a number above 0, at most 1")
    file = config.getoption("--credentials")
    credentials = read_credentials(Path(file)) if file else {}
    for fault in faults:
        credentials |= {line: Secret(text) for line, text in fault.credentials.items()}
    names = tuple(fault.name for fault in faults if fault.is_the_devices)
    root = read_root(config.getoption("--root"), config.getoption("--chain"))
    info = _device_info(config)
    if info is not None and credentials:
        raise UsageError("--credentials and --device-info exclude each other: both have the passwords")
    return RunOptions(faults=names, time_scale=scale, credentials=credentials, bench=bench, root=root, info=info)


def told_emulator(config: pytest.Config, options: RunOptions) -> str:
    """The emulator that is to be told of the registration; empty without one. Raises :class:`UsageError`."""
    url = config.getoption("--webex-emulator")
    if url is None:
        return ""
    if options.info is None or not options.info.mac:
        raise UsageError("--webex-emulator is for --device-info FILE with a mac: Webex knows a device by it")
    if options.bench != LOOPBACK:
        raise UsageError(f"--webex-emulator needs --bench {LOOPBACK}: from no other is an emulator to be reached")
    return emulator_url(url)


def _device_info(config: pytest.Config) -> DeviceInfo | None:
    """Accounts that this bench can play. Raises :class:`UsageError`."""
    file, mapping = config.getoption("--device-info"), config.getoption("--mapping")
    if file is None:
        if mapping is not None:
            raise UsageError("--mapping is for --device-info FILE")
        return None
    info = read_device_info(Path(file), Path(mapping) if mapping else None, os.environ)
    names = {info.outbound_proxy, *(account.domain for account in info.accounts)}
    strange = sorted(names - {OUTBOUND_PROXY, REGISTRAR_DOMAIN})
    if strange:
        raise UsageError(
            f"the device info names {', '.join(strange)}; a bench plays the outbound proxy {OUTBOUND_PROXY} and the "
            f"registrar {REGISTRAR_DOMAIN}, as 'certsuite webex emulate' has them"
        )
    if [account.number for account in info.accounts] != list(range(1, len(info.accounts) + 1)):
        raise UsageError("the device info leaves a line out; for a run its lines are 1, 2, ... without a gap")
    return info


def read_root(name: str, chain: str | None) -> ProbedRoot:
    """What the root probe asks for. ``name`` is that of a root that the suite brings along, or a PEM file.

    Raises :class:`UsageError`.
    """
    root = known_roots().get(name)
    if root is None:
        if not Path(name).expanduser().exists():
            raise UsageError(f"--root {printable(name)}: no file, and none of the names {', '.join(known_roots())}")
        root = KnownRoot.of_pem(_content(name), name)
    return ProbedRoot.by(root, certificates_of_pem(_content(chain), chain) if chain else (), chain or "")


def _content(name: str) -> bytes:
    try:
        return Path(name).expanduser().read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from error
