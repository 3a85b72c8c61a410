"""Makes a device's configuration: its templates, filled with what the bench gives.

Rendering happens in a process of its own (:mod:`certsuite.devices.render`); this module checks what comes back, and
writes it, readable for its owner alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from certsuite.core.errors import BenchError, ProfileError
from certsuite.core.redaction import Secret, masked
from certsuite.devices import render
from certsuite.devices.profile import DeviceProfile
from certsuite.devices.settings import DeviceSettings

_CPU_S = 2
_WALL_S = 20.0
_MEMORY = 512 * 1024 * 1024
_OUTPUT = 16 * 1024 * 1024
_COPIED_AT_MOST = 16 * 1024 * 1024
_NO_MAC = "0" * 12


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """One file of a configuration."""

    name: str
    "Its path within the configuration's folder, with ``/`` between parts."
    path: Path
    "Where it was written."
    masked: bytes
    "Its content with every password written ``***`` before it was escaped."


def generate(
    profile: DeviceProfile, settings: DeviceSettings, out: Path, *, control_port: int, config_dir: Path | None = None
) -> tuple[GeneratedFile, ...]:
    """Render the profile's templates into ``out``; files that are no templates are copied as they are.

    ``config_dir`` is the folder that templates are told of, where that is another one: the device's own, which fetches
    these files.

    It runs a process and writes files, so it is not for an event loop's thread. Raises
    :class:`~certsuite.core.errors.ProfileError` with the template's file and line.
    """
    out = out.resolve()
    told = config_dir.resolve() if config_dir else out
    context = _context(profile, settings, told, control_port)
    hidden = _context(profile, _without_passwords(settings), told, control_port)
    contents: dict[str, tuple[bytes, bytes]] = {}
    sources: dict[str, str] = {}
    for file in _rendered(profile.templates, [context, hidden]):
        template, (name, hidden_name) = file["template"], file["names"]
        where = str(profile.templates / template)
        if name != hidden_name:
            raise ProfileError("the name of the file that it makes holds a password", file=where)
        _check_name(name, where)
        if name in contents:
            raise ProfileError(f"makes {name!r}, as {sources[name]} does", file=where)
        text, hidden_text = file["texts"]
        contents[name] = (text.encode(), masked(hidden_text, settings.secrets).encode())
        sources[name] = template
    for name, content in _copied(profile.templates):
        if name in contents:
            raise ProfileError(f"is also made by {sources[name]}", file=str(profile.templates / name))
        contents[name] = (content, content)
    how = profile.control.provisioning
    if how is not None and (fetched := how.file_of(settings.mac or _NO_MAC)) not in contents:
        problem = f"control.provisioning.file: no template makes {fetched!r}; there are {', '.join(sorted(contents))}"
        raise ProfileError(problem, file=str(profile.file))
    made = []
    for name, (content, hidden_content) in sorted(contents.items()):
        path = out / name
        _write(path, content, out)
        made.append(GeneratedFile(name, path, hidden_content))
    return tuple(made)


def masked_copy(files: Sequence[GeneratedFile], secrets: list[Secret], out: Path) -> tuple[Path, ...]:
    """Write the same files into ``out`` with every password as ``***``, whatever a template did to escape it."""
    out = out.resolve()
    written = []
    for file in files:
        path = out / file.name
        # Latin-1 maps every byte to one character and back, so that a file need not be text.
        text = masked(file.masked.decode("latin-1"), _as_latin_1(secrets))
        _write(path, text.encode("latin-1"), out)
        written.append(path)
    return tuple(written)


def _as_latin_1(secrets: list[Secret]) -> list[Secret]:
    return [Secret(secret.reveal().encode().decode("latin-1")) for secret in secrets]


def _without_passwords(settings: DeviceSettings) -> DeviceSettings:
    lines = tuple(replace(line, password=Secret("***")) for line in settings.lines)
    fetching = settings.provisioning and replace(settings.provisioning, password=Secret("***"))
    return replace(settings, lines=lines, provisioning=fetching)


def _context(profile: DeviceProfile, settings: DeviceSettings, out: Path, control_port: int) -> dict[str, Any]:
    """What templates can use; ``docs/profiles.md`` lists it."""
    return {
        "outbound_proxy": settings.outbound_proxy,
        "resolver": {"address": settings.resolver[0], "port": settings.resolver[1]},
        "device_address": settings.device_address,
        "expires": settings.expires,
        "lab_root": str(settings.lab_root.resolve()),
        "lab_root_pem": settings.lab_root.read_text("ascii") if settings.lab_root.is_file() else "",
        "trusted_roots": str(settings.trusted_roots.resolve()),
        "config_dir": str(out),
        "control_port": control_port,
        "lines": [
            {
                "number": line.number,
                "user": line.user,
                "domain": line.domain,
                "auth_user": line.auth_user,
                "password": line.password.reveal(),
                "display_name": line.display_name,
                "label": line.label or line.display_name,
                "shared": line.shared,
            }
            for line in settings.lines
        ],
        "monitored": [{"user": one.user, "label": one.label} for one in settings.monitored],
        "provisioning": _provisioning(profile, settings),
        "codecs": list(settings.codecs or profile.capabilities.codecs),
        "mac": settings.mac or _NO_MAC,
        "variables": dict(profile.config.variables),
        "values": profile.values.model_dump(mode="json"),
        "identity": {"make": profile.identity.make, "model": profile.identity.model, "firmware": profile.firmware},
    }


def _provisioning(profile: DeviceProfile, settings: DeviceSettings) -> dict[str, str]:
    """Everything empty where there is no server, or where the device is not said to fetch from one."""
    how, server = profile.control.provisioning, settings.provisioning
    if how is None or server is None:
        return dict.fromkeys(("base_url", "url", "user", "password", "certificate", "key"), "")
    return {
        "base_url": server.base_url,
        "url": server.base_url + how.file_of(settings.mac or _NO_MAC),
        "user": server.user,
        "password": server.password.reveal(),
        "certificate": server.certificate,
        "key": server.key,
    }


def _rendered(root: Path, contexts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    request = {
        "root": str(root),
        "contexts": contexts,
        "limits": {"cpu_s": _CPU_S, "memory": _MEMORY, "output": _OUTPUT},
    }
    # -P keeps the script's own folder out of the module path: it has modules named as the standard library's.
    command = [sys.executable, "-P", str(Path(render.__file__))]
    try:
        done = subprocess.run(
            command, input=json.dumps(request).encode(), capture_output=True, timeout=_WALL_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ProfileError(f"its templates are not done after {_WALL_S:.0f} s", file=str(root)) from error
    if done.returncode < 0:
        raise ProfileError(f"its templates need more than {_CPU_S} s of processor time", file=str(root))
    if done.returncode > 0:
        raise BenchError(f"rendering {root} failed: {done.stderr.decode(errors='replace')[-2000:]}")
    answer = json.loads(done.stdout)
    if "error" in answer:
        mistake = answer["error"]
        raise ProfileError(mistake["problem"], file=str(root / mistake["template"]), line=mistake["line"])
    files: list[dict[str, Any]] = answer["files"]
    return files


def _copied(root: Path) -> list[tuple[str, bytes]]:
    """Files of the folder that are no templates, links that lead out of it left aside with an error."""
    found = []
    left = _COPIED_AT_MOST
    for file in sorted(root.rglob("*")):
        if not file.is_file() or file.suffix == ".j2":
            continue
        if not file.resolve().is_relative_to(root.resolve()):
            raise ProfileError("is a link that leads out of the folder of templates", file=str(file))
        left -= file.stat().st_size
        if left < 0:
            raise ProfileError(f"the folder's files are larger than {_COPIED_AT_MOST} bytes together", file=str(root))
        found.append((file.relative_to(root).as_posix(), file.read_bytes()))
    return found


def _check_name(name: str, where: str) -> None:
    parts = PurePosixPath(name).parts
    bad_sign = any(sign < " " or sign == "\x7f" for sign in name)
    if not parts or name.startswith("/") or ".." in parts or bad_sign or len(name) > 200:
        raise ProfileError(f"makes a file named {name!r}, which is not a name within the configuration", file=where)


def _write(path: Path, content: bytes, out: Path) -> None:
    """Write a file that only its owner can read; nothing that lies there already is followed or kept."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.parent.resolve().is_relative_to(out):
        raise BenchError(f"{path} does not lie in {out}")
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
