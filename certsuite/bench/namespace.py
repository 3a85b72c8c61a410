"""A network of the run's own in namespaces: user, network and mount namespace (namespaces(7)), gone with the process.

Bench and device are alone in it. The bench's DNS is the system's resolver there, on port 53, and addresses and packets
can really be lost. A process with threads cannot enter a user namespace, so the command is run again from its beginning
by ``unshare``, in the place of the process that it was: number, terminal, signals and exit code stay what they were.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from certsuite.bench.addresses import DEVICE_HOST, DNS_HOST, BenchNet, Drop
from certsuite.core.errors import BenchError, UsageError

_NET4, _NET6 = "198.51.100.", "2001:db8::"
"Addresses for documentation (RFC 5737, RFC 3849), which no network has in earnest."
_MARK = "CERTSUITE_NAMESPACE"
"Process number and former network namespace of a process that entered its namespaces."
_WAYS = (("--net", "--mount"), ("--user", "--map-root-user", "--net", "--mount"))
"Options of unshare(1). Without a user namespace root keeps its rights over files of all users; anyone else needs one."
_PACKAGES = {"unshare": "util-linux", "ip": "iproute2", "mount": "mount"}
_SWITCHES = (
    ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
    ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000"),
    ("user/max_net_namespaces", "0", "sysctl -w user.max_net_namespaces=10000"),
)
"Below /proc/sys: what forbids namespaces if it has that value, and how root allows them."
_RESOLV_CONF, _NSSWITCH = Path("/etc/resolv.conf"), Path("/etc/nsswitch.conf")
_COMMAND_S = 20.0
_MTU = 65_536
"Of lo, as the kernel makes it."


def enter() -> None:
    """Run this process's command again inside namespaces of its own, and never return; inside them, do nothing.

    Raises :class:`UsageError` with what was tried, what the kernel said, and what to do.
    """
    if inside():
        return
    way = find_way()
    mark = f"{os.getpid()} {_network_namespace()}"
    sys.stdout.flush()
    sys.stderr.flush()
    command = [find_program("unshare"), *way, "--", sys.executable, *sys.orig_argv[1:]]
    os.execve(command[0], command, {**os.environ, _MARK: mark})


def inside() -> bool:
    """Whether this very process entered namespaces of its own. A child of one that did is not meant."""
    pid, _, former = os.environ.get(_MARK, "").partition(" ")
    return pid == str(os.getpid()) and former not in ("", _network_namespace())


def find_way() -> tuple[str, ...]:
    """The options of ``unshare`` by which this user gets namespaces on this machine. They are tried for a moment.

    Raises :class:`UsageError`.
    """
    missing = [name for name in _PACKAGES if not find_program(name)]
    if missing:
        packages = " ".join(sorted({_PACKAGES[name] for name in missing}))
        raise UsageError(f"--bench netns needs {' and '.join(missing)}; apt-get install {packages}")
    if not _RESOLV_CONF.is_file():
        raise UsageError(
            f"--bench netns puts a file of its own over {_RESOLV_CONF}, which is not there; make an empty one"
        )
    refused = []
    for way in _WAYS if os.geteuid() == 0 else _WAYS[1:]:
        command = ["unshare", *way, "--", "ip", "link", "set", "lo", "up"]
        said = _run([find_program("unshare"), *way, "--", find_program("ip"), *command[-4:]])
        if said is None:
            return way
        refused.append(f"{shlex.join(command)}: {said}")
    raise UsageError(
        f"--bench netns: this machine gives no namespaces; tried {'; and '.join(refused)}. {_what_to_do()}"
    )


def why_no_drops(way: Sequence[str]) -> str:
    """Why packets cannot be dropped in namespaces that are made that way; empty if they can."""
    return _try_filter([find_program("unshare"), *way, "--"])


class NamespaceNet(BenchNet):
    """The network of a process that is :func:`inside` namespaces of its own. There is one at a time."""

    kind = "netns"
    dns_port = 53

    def __init__(self, folder: Path) -> None:
        """``folder`` keeps what is put over the system's files. Raises :class:`BenchError`. It waits for programs, so
        it is not for the bench's loop."""
        if not inside():
            raise BenchError("the network of --bench netns can be made in namespaces of its own alone")
        self._lost: set[int] = set()
        self._drops: list[Drop] = []
        self._narrow = False
        self._one_change = asyncio.Lock()
        device = self.host(DEVICE_HOST)
        # All addresses are there by a route. A device sees its own alone, and its packets bear that even if it binds to
        # none: what is dropped can be told by host and way. The default route leads nowhere; devices that find none
        # think that there is no network, and end what they have.
        _must(
            ["ip", "-batch", "-"],
            f"link set lo up\naddr replace {device}/32 dev lo\n"
            f"route replace local {_NET4}0/24 dev lo table local src {device}\n"
            f"route replace default dev lo src {device}\n",
        )
        self._no_ipv6 = self._raise_ipv6()
        self._mount(_RESOLV_CONF, f"nameserver {self.host(DNS_HOST)}\n", folder)
        if _NSSWITCH.is_file():
            self._mount(_NSSWITCH, plain_nsswitch(_NSSWITCH.read_text(encoding="utf-8")), folder)
        self.cannot_drop = _try_filter([])

    @property
    def faulty(self) -> bool:
        return bool(self._lost or self._drops or self._narrow)

    def host(self, number: int) -> str:
        return f"{_NET4}{number}"

    def host6(self, number: int) -> str:
        if self._no_ipv6:
            raise BenchError(f"this machine gives the bench no IPv6: {self._no_ipv6}")
        return f"{_NET6}{number}"

    async def lose_address(self, number: int) -> None:
        async with self._one_change:
            await asyncio.to_thread(self._route, "replace", number)
            self._lost.add(number)

    async def restore_address(self, number: int) -> None:
        async with self._one_change:
            if number in self._lost:
                await asyncio.to_thread(self._route, "del", number)
                self._lost.discard(number)

    async def drop(self, drop: Drop) -> None:
        async with self._one_change:
            await self._filter([*self._drops, drop])

    async def undrop(self, drop: Drop) -> None:
        async with self._one_change:
            await self._filter([one for one in self._drops if one != drop])

    async def narrow(self, size: int) -> str:
        await asyncio.to_thread(_must, ["ip", "link", "set", "lo", "mtu", str(size)])
        self._narrow = size != _MTU
        return f"packets of {size} bytes at most"

    def release(self) -> None:
        """It ends with the process, and nothing of it stays."""

    async def restore(self) -> None:
        for number in sorted(self._lost):
            await self.restore_address(number)
        if self._drops:
            async with self._one_change:
                await self._filter([])
        if self._narrow:
            await self.narrow(_MTU)

    # --- inside

    def _raise_ipv6(self) -> str:
        """The same for IPv6; gives why there is none."""
        try:
            # IPv6 lets nobody bind to an address that is there by a route unless told to.
            Path("/proc/sys/net/ipv6/ip_nonlocal_bind").write_text("1", encoding="ascii")
        except OSError as error:
            return str(error)
        device = f"{_NET6}{DEVICE_HOST}"
        told = f"addr replace {device}/128 dev lo\nroute replace local {_NET6}/64 dev lo table local src {device}\n"
        told += f"route replace default dev lo src {device}\n"
        return _run([find_program("ip"), "-6", "-batch", "-"], told) or ""

    def _mount(self, path: Path, text: str, folder: Path) -> None:
        """Put a file over one of the system's, in this mount namespace alone. A link is followed to its end."""
        own = folder / path.name
        own.write_text(text, encoding="utf-8")
        own.chmod(0o644)
        _must(["mount", "--bind", str(own), str(path.resolve())])

    async def _filter(self, drops: list[Drop]) -> None:
        if self.cannot_drop:
            raise BenchError(self.cannot_drop)
        await asyncio.to_thread(_must, ["nft", "-f", "-"], _ruleset(drops))
        self._drops = drops

    def _route(self, what: str, number: int) -> None:
        _must(["ip", "route", what, "unreachable", f"{self.host(number)}/32", "table", "local"])
        if not self._no_ipv6:
            _must(["ip", "-6", "route", what, "unreachable", f"{self.host6(number)}/128", "table", "local"])


def plain_nsswitch(text: str) -> str:
    """nsswitch.conf(5) with host names from files and DNS alone: any other service would answer from outside."""
    kept = re.sub(r"(?m)^[ \t]*hosts:.*\n?", "", text)
    return f"{kept.rstrip()}\nhosts: files dns\n".lstrip()


def _try_filter(before: Sequence[str]) -> str:
    """Make the table for what is dropped; gives why there can be none."""
    nft = find_program("nft")
    if not nft:
        return "packets cannot be dropped: nft is missing; apt-get install nftables"
    said = _run([*before, nft, "-f", "-"], _ruleset([]))
    return f"packets cannot be dropped: nft: {said}" if said is not None else ""


def _ruleset(drops: Sequence[Drop]) -> str:
    """The whole table for nft(8), which replaces the former at once.

    Packets are dropped as they come in: the sender of one that is dropped on its way out would be told.
    """
    rules = "\n".join(f"add rule inet certsuite lost {rule} drop" for drop in drops for rule in _rules(drop))
    return (
        "add table inet certsuite\ndelete table inet certsuite\nadd table inet certsuite\n"
        f"add chain inet certsuite lost {{ type filter hook input priority filter; }}\n{rules}\n"
    )


def _rules(drop: Drop) -> list[str]:
    transport = f"meta l4proto {drop.transport or '{ tcp, udp }'} " if drop.transport or drop.port else ""
    rules = []
    for side, way in (("daddr", "to"), ("saddr", "from")):
        if drop.way in (way, "both"):
            port = f"th {side[0]}port {drop.port}" if drop.port else ""
            for family, net in (("ip", _NET4), ("ip6", _NET6)):
                rules.append(f"{family} {side} {net}{drop.host} {transport}{port}")
    return rules


def _what_to_do() -> str:
    for name, forbids, remedy in _SWITCHES:
        switch = Path("/proc/sys") / name
        if switch.is_file() and switch.read_text(encoding="ascii").strip() == forbids:
            return f"The switch {switch} is {forbids}; as root: {remedy}"
    if os.geteuid() == 0:
        return "Root may not make them here, as in most containers: give the container the capability SYS_ADMIN"
    return "Run it as root, or on a machine that gives users namespaces"


def _network_namespace() -> str:
    return os.readlink("/proc/self/ns/net")


def find_program(name: str) -> str:
    """Where a program is, or nothing. Users have the folder of those for administration not always in their path."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""


def _must(command: list[str], told: str = "") -> None:
    """Run a program. Raises :class:`BenchError` with what it said."""
    said = _run([find_program(command[0]) or command[0], *command[1:]], told)
    if said is not None:
        raise BenchError(f"--bench netns: {shlex.join(command)}: {said}")


def _run(command: list[str], told: str = "") -> str | None:
    """Run a program; gives what it said if it failed."""
    try:
        done = subprocess.run(
            command, input=told, capture_output=True, text=True, errors="replace", timeout=_COMMAND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"
