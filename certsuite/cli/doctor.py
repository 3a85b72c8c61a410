"""What this machine can and cannot run, and how to get what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from certsuite.bench import namespace
from certsuite.bench.addresses import LoopbackNet
from certsuite.bench.run import PRIVATE_PREFIX
from certsuite.core.errors import AddressUnavailable, UsageError
from certsuite.core.places import PROFILES
from certsuite.devices.profile import load_profile
from certsuite.devices.profile_files import profile_files
from certsuite.tls.versions import openssl_version


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that was looked for."""

    name: str
    found: bool
    detail: str
    needed: bool = False
    "Whether nothing works without it."


_PROGRAMS = (
    ("setpriv", "starts devices so that they die with the suite", "util-linux", True),
    ("unshare", "gives a device a resolver of its own (resolver: private)", "util-linux", False),
    ("faketime", "sets a device's clock (clock: faketime)", "faketime", False),
    ("tshark", "reads the captures on the command line", "tshark", False),
    ("chromium", "the tests look at the report in it", "chromium", False),
)


def examine() -> list[Examined]:
    """Look at the machine. Nothing is contacted; programs of the system are run to try namespaces."""
    python = sys.version_info
    findings = [
        Examined("Python", python >= (3, 11), ".".join(map(str, python[:3])) + " (3.11 or newer is needed)", True),
        Examined("OpenSSL of the edges", True, openssl_version()),
        _loopback(),
    ]
    for program, purpose, package, needed in _PROGRAMS:
        path = namespace.find_program(program)
        detail = f"{path}: {purpose}" if path else f"{purpose}; apt-get install {package}"
        findings.append(Examined(program, bool(path), detail, needed))
    findings += [_far_end(), _namespaces(), _netns()]
    findings += _devices()
    left = leftovers()
    if left:
        findings.append(Examined("leftovers", False, f"{len(left)} folders of killed runs; certsuite doctor --clean"))
    return findings


def leftovers() -> list[Path]:
    """Private folders of runs whose process is gone: passwords of killed runs lie in them."""
    found = []
    for path in Path(tempfile.gettempdir()).glob(f"{PRIVATE_PREFIX}*"):
        pid = path.name.removeprefix(PRIVATE_PREFIX).split("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists() and path.stat().st_uid == os.getuid():
            found.append(path)
    return sorted(found)


def text(findings: list[Examined]) -> str:
    """The findings for a person."""
    return "\n".join(
        f"{'yes' if one.found else 'NO ' if one.needed else 'no '} {one.name:<22} {one.detail}" for one in findings
    )


def _loopback() -> Examined:
    try:
        net = LoopbackNet()
    except AddressUnavailable as error:
        return Examined("loopback network", False, str(error), True)
    net.release()
    return Examined("loopback network", True, "a 127.a.b.0/24 of a run's own", True)


def _far_end() -> Examined:
    found = find_spec("pyVoIP") is not None
    purpose = "the far end of PSTN calls"
    return Examined("pyVoIP", found, purpose if found else f"{purpose}; pip install 'certsuite[pstn]'")


def _namespaces() -> Examined:
    program = shutil.which("unshare")
    if program is None:
        return Examined("namespaces", False, "unshare is missing; apt-get install util-linux")
    tried = subprocess.run([program, "-rm", "true"], capture_output=True, text=True, timeout=10, check=False)
    detail = "user and mount namespaces can be made" if tried.returncode == 0 else tried.stderr.strip()
    return Examined("namespaces", tried.returncode == 0, detail)


def _netns() -> Examined:
    try:
        way = namespace.find_way()
    except UsageError as error:
        return Examined("bench netns", False, str(error))
    detail = f"{'user, ' if '--user' in way else ''}network and mount namespaces of a run's own"
    return Examined("bench netns", True, "; ".join(filter(None, [detail, namespace.why_no_drops(way)])))


def _devices() -> list[Examined]:
    """The programs of the shipped profiles."""
    findings = []
    for file in profile_files(PROFILES):
        profile = load_profile(str(file), PROFILES)
        program = profile.control.start[0] if profile.control.start else "{nothing}"
        if "{" in program:
            continue
        path = shutil.which(program)
        detail = f"{path}" if path else f"{program} is missing; {profile.control.install}"
        findings.append(Examined(f"device {profile.name}", path is not None, detail))
    return findings
