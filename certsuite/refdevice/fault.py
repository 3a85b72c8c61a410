"""What a fault of the device is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FAULTY_DEVICE = "a device that misbehaves in what is certified"
ODD_DEVICE = "a device that is right in an unusual way, for no case to fail"
MISBEHAVIOUR = "a device that is no use at all, for the suite's own robustness"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can be wrong with the device."""

    name: str
    description: str
    changes: dict[str, Any] = field(repr=False)
    "Fields of :class:`Behaviour` and their values."
    kind: str = FAULTY_DEVICE


def fault(name: str, description: str, kind: str = FAULTY_DEVICE, **changes: Any) -> Fault:
    """A fault that sets these fields of the behaviour."""
    return Fault(name, description, changes, kind)
