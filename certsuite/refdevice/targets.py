"""Where the outbound proxy may be: SRV, then addresses, in the order to try them (RFC 3263, RFC 2782)."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from certsuite.refdevice.behaviour import SIPS_SERVICE, Behaviour
from certsuite.refdevice.dns import DnsError, Resolver, SrvRecord, in_order
from certsuite.refdevice.transport import Target

log = logging.getLogger("refdevice.targets")

SIPS_PORT = 5061
"Port of SIP over TLS where no SRV record names one (RFC 3261 section 19.1.2)."


@dataclass(frozen=True, slots=True)
class TargetList:
    """The targets in the order to try them, and until when the DNS answer holds."""

    targets: tuple[Target, ...]
    good_until: float
    "On the monotonic clock."

    def better_than(self, current: Target) -> list[Target]:
        """Targets that are preferred over the one in use; all of them if that is no longer listed."""
        listed = [target for target in self.targets if (target.host, target.port) == (current.host, current.port)]
        if not listed:
            return list(self.targets)
        return [target for target in self.targets if target.priority < listed[0].priority]


async def find_targets(outbound_proxy: str, resolver: Resolver, behaviour: Behaviour) -> TargetList:
    """Resolve the outbound proxy. Raises :class:`DnsError` if it leads nowhere."""
    service = f"{behaviour.srv_service}.{outbound_proxy}"
    records, additional = await resolver.srv(service) if behaviour.srv_service else ([], {})
    if any(not record.target for record in records) and not behaviour.takes_no_service_for_no_record:
        raise DnsError(f"{service}: the service is not there")
    records = [record for record in records if record.target]
    if not records:
        if behaviour.srv_service not in ("", SIPS_SERVICE) or not behaviour.falls_back_to_address:
            raise DnsError(f"{service}: no SRV record")
        # RFC 3263 section 4.2: without SRV records the name itself is the host.
        records = [SrvRecord(0, 0, SIPS_PORT, outbound_proxy)]
    targets: list[Target] = []
    problem = ""
    for record in _ordered(records, behaviour):
        addresses = [] if behaviour.asks_ipv6 else additional.get(record.target.lower(), [])
        if not addresses:
            try:
                addresses = await resolver.addresses(record.target)
            except DnsError as error:
                log.warning("%s", error)
                problem = error.kind
        port = behaviour.fixed_port or record.port
        usable = addresses[: behaviour.addresses_per_target]
        targets += [Target(record.target, address, port, record.priority) for address in usable]
    if not targets:
        raise DnsError(f"{outbound_proxy}: no address", problem)
    log.info("targets: %s", ", ".join(f"{target} ({target.priority})" for target in targets))
    return TargetList(tuple(targets), time.monotonic() + min(record.ttl for record in records))


def _ordered(records: list[SrvRecord], behaviour: Behaviour) -> list[SrvRecord]:
    """In the order in which they are tried."""
    if behaviour.order_of_answer:
        return records
    if not behaviour.heeds_weight:
        return sorted(records, key=lambda record: (record.priority, record.weight))
    ordered = in_order(records)
    if behaviour.highest_priority_value_first:
        ordered.sort(key=lambda record: -record.priority)
    return ordered
