"""What the bench's DNS knows: a zone that is never changed, only replaced by one with or without a record."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from functools import cached_property

DEFAULT_TTL = 60
"Seconds that a device may keep a record, unless told otherwise."


@dataclass(frozen=True, slots=True)
class Srv:
    """Where a service is (RFC 2782). A lower priority value goes first."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class A:
    """An IPv4 address."""

    address: str


@dataclass(frozen=True, slots=True)
class Aaaa:
    """An IPv6 address."""

    address: str


@dataclass(frozen=True, slots=True)
class Cname:
    """Another name for the same thing."""

    target: str


Data = Srv | A | Aaaa | Cname

TYPES: dict[type[Srv] | type[A] | type[Aaaa] | type[Cname], str] = {Srv: "SRV", A: "A", Aaaa: "AAAA", Cname: "CNAME"}
"The name of each record's type."


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a zone."""

    name: str
    "In lower case, without a final dot."
    ttl: int
    "Seconds."
    data: Data

    @property
    def type(self) -> str:
        """``SRV``, ``A``, ``AAAA`` or ``CNAME``."""
        return TYPES[type(self.data)]


def plain_name(name: str) -> str:
    """A domain name as zones hold it: in lower case, without a final dot.

    Raises :class:`ValueError` if it is none: a label is empty or longer than 63 characters, or the whole than 253.
    """
    plain = name.lower().removesuffix(".")
    if len(plain) > 253 or not all(0 < len(label) <= 63 for label in plain.split(".")):
        raise ValueError(f"{name!r} is no domain name")
    return plain


@dataclass(frozen=True)
class Zone:
    """Records, in the order in which they are answered."""

    records: tuple[Record, ...] = ()

    def with_srv(
        self, name: str, *, priority: int, weight: int, port: int, target: str, ttl: int = DEFAULT_TTL
    ) -> Zone:
        """This zone and one SRV record. Target ``.`` says that the service is not there (RFC 2782)."""
        return self._with(name, ttl, Srv(priority, weight, port, target if target == "." else plain_name(target)))

    def with_address(self, name: str, address: str, *, ttl: int = DEFAULT_TTL) -> Zone:
        """This zone and one A or AAAA record. Raises :class:`ValueError` if ``address`` is no IP address."""
        parsed = ipaddress.ip_address(address)
        return self._with(name, ttl, A(str(parsed)) if parsed.version == 4 else Aaaa(str(parsed)))

    def with_cname(self, name: str, target: str, *, ttl: int = DEFAULT_TTL) -> Zone:
        """This zone and one CNAME record. Raises :class:`ValueError` if ``name`` has other records (RFC 1034 3.6.2)."""
        if self.exists(name, itself=True):
            raise ValueError(f"{name!r} has records already, and a CNAME stands alone")
        return self._with(name, ttl, Cname(plain_name(target)))

    def without(self, name: str, type: str | None = None) -> Zone:
        """This zone less the records of a name, or those of one type of it."""
        plain = plain_name(name)
        return Zone(tuple(r for r in self.records if r.name != plain or (type is not None and r.type != type)))

    def with_ttl(self, ttl: int) -> Zone:
        """This zone with ``ttl`` seconds for every record."""
        return Zone(tuple(replace(record, ttl=ttl) for record in self.records))

    def find(self, name: str, type: str) -> tuple[Record, ...]:
        """The records of that name and type; of all types if ``type`` is ``ANY``."""
        records = self._by_name.get(plain_name(name), ())
        return records if type == "ANY" else tuple(record for record in records if record.type == type)

    def exists(self, name: str, *, itself: bool = False) -> bool:
        """Whether the name has records, or (unless ``itself``) names below it do (RFC 8020: it is not NXDOMAIN)."""
        plain = plain_name(name)
        return plain in self._by_name or (not itself and plain in self._parents)

    def _with(self, name: str, ttl: int, data: Data) -> Zone:
        record = Record(plain_name(name), ttl, data)
        if self.find(name, "CNAME"):
            raise ValueError(f"{name!r} has a CNAME, which stands alone")
        return Zone((*self.records, record))

    @cached_property
    def _by_name(self) -> dict[str, tuple[Record, ...]]:
        by_name: dict[str, tuple[Record, ...]] = {}
        for record in self.records:
            by_name[record.name] = (*by_name.get(record.name, ()), record)
        return by_name

    @cached_property
    def _parents(self) -> frozenset[str]:
        parents = set()
        for name in self._by_name:
            while "." in name:
                name = name.partition(".")[2]
                parents.add(name)
        return frozenset(parents)
