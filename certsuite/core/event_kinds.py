"""What makes a dataclass an event, and the events by their kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar, dataclass_transform


@dataclass(frozen=True, slots=True)
class Event:
    """Base of everything that can be observed."""

    kind: ClassVar[str] = ""


KINDS: dict[str, type[Event]] = {}
E = TypeVar("E", bound=Event)


@dataclass_transform(frozen_default=True)
def event(kind: str) -> Callable[[type[E]], type[E]]:
    """Class decorator: a frozen dataclass that is written and read under the name ``kind``."""

    def decorate(cls: type[E]) -> type[E]:
        made = dataclass(frozen=True, slots=True)(cls)
        made.kind = kind
        assert kind not in KINDS, f"two events are named {kind}"
        KINDS[kind] = made
        return made

    return decorate
