"""Holds requests and answers against the official OpenAPI description of the Webex API."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from certsuite.edge.webex_emulator import Exchange

FOLDER = Path(__file__).parent / "data" / "openapi"
FILES = ("webex-device.json", "webex-admin.service-apps.json")

NOT_DESCRIBED = {
    "POST /access_token": "OAuth's own (RFC 6749 section 6); the description has no OAuth endpoints",
}
"Routes that the description has not, and why they are there all the same."


def _partner_is_a_manager(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["ManagedByObject"]["enum"].append("PARTNER")


DEVIATIONS: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "webex-device.json": (
        "supportedDevices has managedBy PARTNER too (wxc_sdk's DeviceManagedBy), as GET /devices has by its schema",
        _partner_is_a_manager,
    ),
}
"Where Webex is known to do otherwise than the description: the reason, and the change."


@cache
def described(name: str) -> dict[str, Any]:
    """One file's document, deviations made."""
    document: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    if name in DEVIATIONS:
        DEVIATIONS[name][1](document)
    return document


def problems(exchanges: Iterable[Exchange]) -> list[str]:
    """What in these exchanges is not as described. Faults' answers are not looked at: to be wrong is their purpose."""
    return [f"{one.route or one.method + ' ' + one.path}: {text}" for one in exchanges for text in _problems(one)]


def _problems(exchange: Exchange) -> list[str]:
    if exchange.route in NOT_DESCRIBED:
        return []
    found = _operation(exchange.route)
    if found is None:
        return ["there is no such operation"]
    document, operation = found
    wrong = []
    known = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "query"}
    for name, value in exchange.query.items():
        if name not in known:
            wrong.append(f"there is no query parameter {name}")
        else:
            wrong += _against(document, known[name]["schema"], _typed(value, known[name]["schema"]), f"query {name}")
    asked = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if (asked is None) != (exchange.body is None):
        wrong.append("a body is there and none is described" if asked is None else "the body is missing")
    elif asked is not None:
        wrong += _against(document, asked, exchange.body, "request")
    if not exchange.fault:
        wrong += _answer_problems(document, operation, exchange)
    return wrong


def _answer_problems(document: dict[str, Any], operation: dict[str, Any], exchange: Exchange) -> list[str]:
    described_as = operation["responses"].get(str(exchange.status))
    if described_as is None:
        return [f"status {exchange.status} is not described"]
    schema = described_as.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        # Most refusals are described in words alone; theirs is the envelope of all.
        return [] if exchange.status >= 400 or exchange.answer is None else ["an answer is there and none is described"]
    return _against(document, schema, exchange.answer, "answer")


def _operation(route: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    method, _, path = route.partition(" ")
    for name in FILES:
        document = described(name)
        if operation := document["paths"].get(path, {}).get(method.lower()):
            return document, operation
    return None


def _typed(value: str, schema: dict[str, Any]) -> object:
    """A query's text as the type that it is to have, if it can be read as that."""
    if schema.get("type") in ("number", "boolean"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _against(document: dict[str, Any], schema: dict[str, Any], value: object, what: str) -> list[str]:
    whole = copy.copy(schema) | {"components": document["components"]}
    # OpenAPI 3.0 has the JSON Schema of draft 4 with words of its own, none of which these files use.
    found = jsonschema.Draft4Validator(whole).iter_errors(value)
    return [f"{what} {'.'.join(map(str, one.absolute_path))}: {one.message}" for one in found]
