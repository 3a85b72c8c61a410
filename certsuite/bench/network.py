"""The network side of one bench: addresses, PKI, DNS, two edges, what stands behind them, and media."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from certsuite.bench.addresses import DEVICE_HOST, DNS_HOST, BenchNet, Drop, LoopbackNet
from certsuite.bench.attempts import AttemptWatch
from certsuite.bench.ownership import owner_of, spellings
from certsuite.bench.password_watch import PasswordWatch, WatchedCapture
from certsuite.bench.strangers import Strangers
from certsuite.core.capture import Capture
from certsuite.core.events import BenchChanged
from certsuite.core.journal import Journal
from certsuite.core.redaction import Secret
from certsuite.devices.driver import Driver
from certsuite.devices.settings import DeviceSettings, LineSettings, MonitoredUser, ProvisioningSettings
from certsuite.dns.behaviour import GOOD as GOOD_DNS
from certsuite.dns.zone import Zone
from certsuite.edge.accounts import Account, Accounts
from certsuite.edge.call_control import CallControl
from certsuite.edge.dns_server import DnsServer
from certsuite.edge.flow import CROWD, DEVICE, FlowNames, FlowUser
from certsuite.edge.list_server import ListServer
from certsuite.edge.media import MediaLoop
from certsuite.edge.notifier import MOST_GRANTED_S
from certsuite.edge.probe_edge import ProbeEdge
from certsuite.edge.provisioning_server import HTTPS_PORT, ProvisioningServer
from certsuite.edge.provisioning_site import Access, Site
from certsuite.edge.registrar import Registrar
from certsuite.edge.registrar_behaviour import GOOD as GOOD_REGISTRAR
from certsuite.edge.sip_edge import SipEdge
from certsuite.edge.trunk import Trunk
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki, Presentation
from certsuite.tls.probe_chains import ServedChain, Step
from certsuite.tls.recipes import REVOCATION_LIST_PORT
from certsuite.tls.server import TlsBehaviour

OUTBOUND_PROXY = "hs17.hosted-lab.bcld.test"
SECOND_PROXY = "hs18.hosted-lab.bcld.test"
"What a device is given in its place by provisioning; certificates name it too."
PROVISIONING_HOST = "dms.hosted-lab.bcld.test"
MOVED_HOST = "dms2.hosted-lab.bcld.test"
"The same server by the name that a redirection gives."
REGISTRAR_DOMAIN = "98079822.lab-cluster.bcld.invalid"
"Resolves nowhere, as the real one: REGISTER goes to the outbound proxy."
TARGETS = {"primary": "sip-edge1.lab-dc1.bcld.test", "secondary": "sip-edge2.lab-dc2.bcld.test"}
PRIORITIES = {"primary": 5, "secondary": 10}
SIP_PORT = 8934
ASKED_EXPIRY_S = 240
MODERN = ("TLSv1.2", "TLSv1.3")
_MONITORED = "colleague01"
"User of the address of record whose calls a device can show on a key."
_HOSTS = {
    "dns": DNS_HOST,
    "primary": 11,
    "secondary": 12,
    "lists": 13,
    "provisioning": 14,
    "outside": 15,
    "trunk": 16,
    "far-end": 17,
    "device": DEVICE_HOST,
}
_FIRST_AHEAD = 201
_HOST_OF_PLACES = 200
AHEAD_AT_MOST = 40
"Targets that can stand ahead of the primary."
_AHEAD_TTL = 1
"Seconds: what stands there changes from one attempt to the next."
_TAME = "-_."
"Special signs that no configuration format trips over; the others have a case of their own."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target of the SRV record can listen."""

    host: str
    address: str
    port: int = SIP_PORT


def mint_password() -> Secret:
    """A password that meets the policy, of characters that every format carries."""
    alphabet = string.ascii_letters + string.digits
    fixed = [secrets.choice(part) for part in (string.ascii_lowercase, string.ascii_uppercase, string.digits, _TAME)]
    return Secret("".join(fixed) + "".join(secrets.choice(alphabet) for _ in range(12)))


def mint_accounts(lines: int, supplied: dict[int, Secret]) -> list[Account]:
    """One account a line, in the shapes of Webex Calling, with the user's own passwords where supplied."""
    random = string.ascii_lowercase + string.digits
    return [
        Account(
            line=line,
            user="".join(secrets.choice(random) for _ in range(10)),
            domain=REGISTRAR_DOMAIN,
            auth_user=f"20655501{line:02d}",
            password=supplied.get(line) or mint_password(),
            display_name=f"Line {line}",
        )
        for line in range(1, lines + 1)
    ]


def line_settings(account: Account) -> LineSettings:
    """What the device's configuration gets of an account."""
    return LineSettings(
        number=account.line,
        user=account.user,
        domain=account.domain,
        auth_user=account.auth_user,
        password=account.password,
        display_name=account.display_name,
    )


class Network:
    """Everything that listens. Made off the loop, started and stopped on it."""

    def __init__(
        self,
        *,
        journal: Journal,
        capture: Capture,
        accounts: list[Account],
        granted_expiry_s: int,
        folder: Path,
        net: BenchNet | None = None,
        provisioning: str = "none",
        mac: str = "",
        minted: bool = True,
    ) -> None:
        """``net`` is a network on loopback unless another is given; ``provisioning`` is how a device authenticates
        there, as ``Access.credentials``; ``mac`` is the device's, twelve hexadecimal digits; ``minted``
        says that the accounts' passwords are of no worth after the run, so that its TLS may be decrypted."""
        self._journal = journal
        self._driver: Driver | None = None
        self.outbound_proxy = OUTBOUND_PROXY
        "What the device is configured with from its next configuration on."
        self.asked_expiry_s = ASKED_EXPIRY_S
        "Likewise: seconds that it is to ask for."
        self.mac = mac or f"02{secrets.token_hex(5)}"
        "Unless it is given, a locally administered address (IEEE 802)."
        self.net = net or LoopbackNet()
        self.ahead = tuple(
            Place(f"w{number:02}.lab-dc1.bcld.test", self.net.host(_FIRST_AHEAD + number))
            for number in range(AHEAD_AT_MOST)
        )
        "Places of targets that may stand ahead of the primary; good certificates are for them too."
        self.keys = KeyPool()
        self.pki = Pki.mint(self.now, self._names(), self.keys)
        self.lab_root = folder / "lab-root.pem"
        self.trusted_roots = folder / "trusted-roots.pem"
        self.lab_root.write_bytes(self.pki.root_pem)
        self.trusted_roots.write_bytes(self.pki.trusted_bundle())
        self.good = TlsBehaviour(self.pki.presentation("good"), MODERN)
        self.media = MediaLoop(journal, capture)
        self._usual_expiry_s = granted_expiry_s
        self._flow_names, self._stamp = FlowNames(), secrets.randbelow(10**18)
        self.registrar = Registrar(journal, Accounts(accounts), granted_expiry_s=granted_expiry_s)
        self.strangers = Strangers(journal)
        self._watch = PasswordWatch(journal)
        for account in accounts:
            self._watch.look_for(account.auth_user, account.password)
        self._capture = WatchedCapture(capture, self._watch, keeps_secrets=minted)
        said_by_devices = ["bcld.test", "bcld.invalid"]
        said_by_devices += [name for account in accounts for name in (account.user, account.auth_user)]
        self._said_by_devices = [spelling for name in said_by_devices for spelling in spellings(name)]
        "What only a device has reason to say: names of the lab and of its accounts."
        self.control = CallControl(journal, self.registrar, self.media, owner_of=self.owner_of)
        self.trunk = Trunk(
            journal,
            capture,
            self.media,
            address=self.net.host(_HOSTS["trunk"]),
            far_end=self.net.host(_HOSTS["far-end"]),
        )
        self.lists = ListServer(journal, self.net.host(_HOSTS["lists"]), REVOCATION_LIST_PORT, owner_of=self.owner_of)
        self.provisioning = self._provisioning(folder, provisioning)
        self.dns: DnsServer | None = None
        self.edges: dict[str, SipEdge] = {}
        self._cut_off: set[str] = set()
        "Edges that lost their address or their packets."
        self._attempts: AttemptWatch | None = None
        self._device_addresses = {self.net.host(_HOSTS["device"])}
        "From which it was seen to speak."

    def present(self, name: str) -> Presentation:
        """A certificate chain by its name. It waits for keys, so it is not for the bench's loop."""
        made = self.pki.presentation(name)
        if made.revocation_list:
            self.lists.files["/lab.crl"] = made.revocation_list
        return made

    async def start(self) -> None:
        """Listen on every address. Raises :class:`AddressUnavailable`."""
        self._watch.start()
        self.edges = {edge: self.edge(edge, self.net.host(_HOSTS[edge]), self.good, self.control) for edge in TARGETS}
        address = self.net.host(_HOSTS["dns"])
        self.dns = DnsServer(
            self._journal, self._capture, self.zone(), address, self.net.dns_port, owner_of=self.owner_of
        )
        await self.dns.start()
        await self.lists.start()
        await self.provisioning.start()
        for edge_ in self.edges.values():
            await edge_.start()
        self.control.edges = self.edges
        self._attempts = AttemptWatch(
            self._journal,
            self.edges,
            is_cut_off=self._cut_off.__contains__,
            is_the_devices=self._device_addresses.__contains__,
        )
        self._attempts.start()
        self.media.start()

    async def stop(self) -> None:
        """Stop everything that was started."""
        self.control.hang_up_all()
        self.trunk.stop()
        if self._attempts is not None:
            self._attempts.stop()
        for edge in self.edges.values():
            await edge.stop()
        self.control.stop()
        self.lists.stop()
        self.provisioning.stop()
        if self.dns is not None:
            await self.dns.stop()
        self.strangers.tell()
        self.media.stop()
        await asyncio.to_thread(self.keys.close)
        self.net.release()

    def edge(self, name: str, address: str, tls: TlsBehaviour, user: FlowUser) -> SipEdge:
        """An edge that does not listen yet."""
        return SipEdge(
            name,
            address,
            SIP_PORT,
            tls,
            journal=self._journal,
            capture=self._capture,
            names=self._flow_names,
            user=user,
            stamp=self._stamp,
        )

    def probe_edge(self, step: Step, chain: ServedChain, root: str, patience_s: float) -> ProbeEdge:
        """One step of a root probe, which does not listen yet."""
        return ProbeEdge(
            step,
            chain,
            root=root,
            journal=self._journal,
            capture=self._capture,
            names=self._flow_names,
            owner_of=self.owner_of,
            patience_s=patience_s,
        )

    def places_of(self, host: str) -> tuple[Place, ...]:
        """Places that all have one name and one address, each with a port of its own: a device that compares the
        target's name with the certificate finds the same as one that compares the outbound proxy's."""
        address = self.net.host(_HOST_OF_PLACES)
        return tuple(Place(host, address, SIP_PORT + 1 + number) for number in range(AHEAD_AT_MOST))

    def zone(self, proxy: str = OUTBOUND_PROXY, *, ahead: Sequence[Place] = (), good: bool = True) -> Zone:
        """What DNS says of ``proxy``: the targets ``ahead`` in order, then (if ``good``) primary and secondary."""
        service, zone = f"_sips._tcp.{proxy}", Zone()
        for priority, place in enumerate(ahead):
            zone = zone.with_srv(
                service, priority=priority, weight=100, port=place.port, target=place.host, ttl=_AHEAD_TTL
            )
            if not zone.find(place.host, "A"):
                zone = zone.with_address(place.host, place.address)
        # The better one stands last: a device that takes the answer's order for the order of preference is seen.
        for edge, target in reversed(TARGETS.items()):
            if good:
                priority = len(ahead) + PRIORITIES[edge]
                zone = zone.with_srv(service, priority=priority, weight=100, port=SIP_PORT, target=target)
            zone = zone.with_address(target, self.net.host(_HOSTS[edge]))
        zone = zone.with_address(self.pki.names.below_parent("crl"), self.net.host(_HOSTS["lists"]))
        for host in (PROVISIONING_HOST, MOVED_HOST):
            zone = zone.with_address(host, self.net.host(_HOSTS["provisioning"]))
        if zone.find(proxy, "A"):
            return zone
        # An A record for devices that ignore SRV: that they do so must be seen, not hidden by a failed look-up.
        return zone.with_address(proxy, self.net.host(_HOSTS["primary"]))

    def resolve(self, zone: Zone) -> None:
        """Answer from this zone from now on."""
        assert self.dns is not None
        self.dns.behave("zone", zone=zone)

    def owner_of(
        self, remote: tuple[str, int], local: tuple[str, int], transport: str, said: Callable[[], bytes]
    ) -> str:
        """As :meth:`FlowUser.owner_of`."""
        if self._driver is not None and self._driver.address == remote[0]:
            return DEVICE
        owner = owner_of(remote, local, self._pids(), transport=transport, said=said, names=self._said_by_devices)
        if owner == DEVICE:
            self._device_addresses.add(remote[0])
        return owner if owner == DEVICE or self.strangers.admits(remote, local, transport) else CROWD

    def _pids(self) -> Iterator[int]:
        """The device's processes. They are looked for when the first is asked for, and for many flows none is."""
        if self._driver is not None:
            yield from self._driver.pids()

    async def restore(self) -> None:
        """Clear faults and end calls. A flow that was opened under a fault is ended with it."""
        self.control.hang_up_all()
        if self.net.faulty:
            await self.net.restore()
        for name, edge in self.edges.items():
            if name in self._cut_off or edge.tls != self.good or not edge.accepts or edge.fails:
                edge.end_flows("fin")
                await edge.behave("good", tls=self.good)
        self._cut_off.clear()
        if self.dns is not None and (self.dns.zone != self.zone() or self.dns.behaviour != GOOD_DNS):
            self.dns.behave("good", zone=self.zone())
        self.control.notifier.grant(MOST_GRANTED_S)
        if self.registrar.behaviour != GOOD_REGISTRAR:
            self.registrar.behave(GOOD_REGISTRAR)
        if not self.provisioning.good:
            await self.provisioning.behave("good")

    async def lose_address(self, edge: str) -> None:
        """From now on there is no route to an edge. Raises :class:`BenchError` on a bench that cannot do so."""
        await self.net.lose_address(_HOSTS[edge])
        self._cut_off.add(edge)
        self._journal.record(BenchChanged(f"{edge} edge", "address lost", self.stood), edge=edge)

    async def drop_packets(self, edge: str) -> None:
        """From now on everything to and from an edge is swallowed. Raises :class:`BenchError` likewise."""
        await self.net.drop(Drop(_HOSTS[edge]))
        self._cut_off.add(edge)
        self._journal.record(BenchChanged(f"{edge} edge", "packets dropped", self.stood), edge=edge)

    async def reconnect(self, edge: str) -> None:
        """Give an edge its address and its packets again, if it lost them."""
        if edge not in self._cut_off:
            return
        await self.net.restore_address(_HOSTS[edge])
        await self.net.undrop(Drop(_HOSTS[edge]))
        self._cut_off.discard(edge)

    def grant(self, seconds: int) -> None:
        """Grant this expiry from the next REGISTER on."""
        self.registrar.granted_expiry_s = seconds
        self._journal.record(BenchChanged("registrar", "grants", {"expiry_s": seconds}))

    def grant_as_usual(self) -> None:
        """Grant what the profile says again."""
        if self.registrar.granted_expiry_s != self._usual_expiry_s:
            self.grant(self._usual_expiry_s)

    @property
    def stood(self) -> dict[str, Any]:
        """For the record: edge and flow of each line's registration, by line, and all that was ever subscribed to."""
        bound = {str(line): [one.edge, one.flow] for line, one in self.registrar.bindings.items()}
        return {"bound": bound, "subscribed": self.control.notifier.ever}

    def settings(self) -> DeviceSettings:
        """What the device is configured with."""
        return DeviceSettings(
            outbound_proxy=self.outbound_proxy,
            resolver=(self.net.host(_HOSTS["dns"]), self.net.dns_port),
            device_address=self.net.host(_HOSTS["device"]),
            lines=tuple(line_settings(account) for account in self.registrar.accounts),
            expires=self.asked_expiry_s,
            lab_root=self.lab_root,
            trusted_roots=self.trusted_roots,
            monitored=(MonitoredUser(_MONITORED, "Colleague"),),
            mac=self.mac,
            provisioning=self._provisioning_settings,
        )

    def present_to_fetcher(self, name: str) -> TlsBehaviour:
        """How the provisioning server presents a chain; it waits for keys, so it is not for the bench's loop."""
        return TlsBehaviour(self._provisioning_pki.presentation(name), MODERN)

    def _provisioning(self, folder: Path, credentials: str) -> ProvisioningServer:
        """The server, which does not listen yet, and what the device is told of it."""
        address = self.net.host(_HOSTS["provisioning"])
        self._provisioning_pki = self.pki.of(Names(PROVISIONING_HOST, (MOVED_HOST,), (address,)), self.now)
        access = Access(credentials, f"dms-{secrets.token_hex(4)}", mint_password(), self.mac)
        files = ("", "")
        if credentials == "certificate":
            own = self.pki.for_device(self.mac)
            access = replace(access, certificate=own.leaf_der)
            certificate, key = folder / "device.pem", folder / "device-key.pem"
            certificate.write_bytes(own.chain_pem)
            key.write_bytes(own.key_pem)
            files = (str(certificate), str(key))
        site = Site(access, secrets=lambda: [account.password for account in self.registrar.accounts])
        base_url = f"https://{PROVISIONING_HOST}:{HTTPS_PORT}{site.path}"
        self._provisioning_settings = ProvisioningSettings(base_url, access.user, access.password, *files)
        return ProvisioningServer(
            site,
            self.present_to_fetcher("good"),
            address,
            journal=self._journal,
            capture=self._capture,
            names=self._flow_names,
            owner_of=self.owner_of,
        )

    def set_password(self, line: int, password: Secret) -> None:
        """Give a line another password, at the registrar and in the next configuration."""
        accounts = self.registrar.accounts
        accounts.replace(replace(accounts.of_line(line), password=password))
        self._watch.look_for(accounts.of_line(line).auth_user, password)

    def judge_flows_of(self, driver: Driver) -> None:
        """From now on a flow is the device's if the driver's processes hold its other end."""
        self._driver = driver

    @property
    def outside(self) -> str:
        """An address on which nothing of the network side is."""
        return self.net.host(_HOSTS["outside"])

    @property
    def now(self) -> datetime:
        """The time by the bench's clock."""
        return datetime.fromtimestamp(self._journal.clock.utc(), UTC)

    def _names(self) -> Names:
        """What good certificates are for: wherever the device is led, what is wrong is not the name."""
        targets = (*TARGETS.values(), SECOND_PROXY, *(place.host for place in self.ahead))
        addresses = (*(self.net.host(_HOSTS[edge]) for edge in TARGETS), *(place.address for place in self.ahead))
        return Names(OUTBOUND_PROXY, targets, addresses)
