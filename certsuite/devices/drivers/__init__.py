"""The drivers by name. A profile names one; what it can do is described there as data."""

from __future__ import annotations

from certsuite.core.errors import UsageError
from certsuite.devices.drivers.operator import OperatorDriver
from certsuite.devices.drivers.process import ProcessDriver

DriverClass = type[ProcessDriver] | type[OperatorDriver]
DRIVERS: dict[str, DriverClass] = {"process": ProcessDriver, "operator": OperatorDriver}


def driver_class(name: str) -> DriverClass:
    """The class of a driver. Raises :class:`~certsuite.core.errors.UsageError` for one that this version lacks."""
    try:
        return DRIVERS[name]
    except KeyError:
        raise UsageError(f"the driver {name!r} is not in this version; it has {', '.join(sorted(DRIVERS))}") from None
