"""The drivers by name. A profile names one; what it can do is described there as data."""

from __future__ import annotations

from certsuite.core.errors import UsageError
from certsuite.devices.drivers.process import ProcessDriver

DRIVERS: dict[str, type[ProcessDriver]] = {"process": ProcessDriver}


def driver_class(name: str) -> type[ProcessDriver]:
    """The class of a driver. Raises :class:`~certsuite.core.errors.UsageError` for one that this version lacks."""
    try:
        return DRIVERS[name]
    except KeyError:
        raise UsageError(f"the driver {name!r} is not in this version; it has {', '.join(sorted(DRIVERS))}") from None
