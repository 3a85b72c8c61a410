"""One request to Webex, and how it is shown: secrets go to the wire alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from certsuite.core.redaction import Secret


@dataclass(frozen=True, slots=True)
class Request:
    """A request, and what sending it again would mean."""

    method: str
    path: str
    "Below the base URL; of a next page, the whole URL."
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    "Sent as JSON. A :class:`Secret` in it is revealed on the wire only."
    form: Mapping[str, str | Secret] | None = None
    "Sent as an HTML form instead."
    changes: bool = False
    "Whether it changes something in the organization; a dry run does not send it."
    repeatable: bool = True
    "Whether it may be sent again when it is not known if it was done: reading, and what replaces as a whole."

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"{self.method} {self.path}"

    @property
    def secrets(self) -> list[Secret]:
        """Every secret in it."""
        values = [*(self.body or {}).values(), *(self.form or {}).values()]
        return [value for value in values if isinstance(value, Secret)]

    def content(self) -> dict[str, Any]:
        """The body as httpx takes it, secrets revealed."""
        if self.form is not None:
            return {"data": {name: _revealed(value) for name, value in self.form.items()}}
        if self.body is not None:
            return {"json": {name: _revealed(value) for name, value in self.body.items()}}
        return {}

    def shown(self, base: str) -> str:
        """The request in one line for a person, secrets as ``***``."""
        url = self.path if self.path.startswith(base) else base + self.path
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        body = self.body if self.form is None else self.form
        parts = [self.method, url + (f"?{query}" if query else "")]
        if body is not None:
            parts.append(json.dumps(body, default=str, ensure_ascii=False))
        return " ".join(parts)


def _revealed(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value
