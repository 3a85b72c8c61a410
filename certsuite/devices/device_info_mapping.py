"""Device info from a JSON file of any form: a mapping of the user's says where each value stands, in JMESPath.

A mapping is YAML::

    schema: 1
    kind: "'phone'"
    outbound_proxy: proxy.outboundProxy
    accounts: members
    account:
      line: port
      aor: linePort
      auth_user: sipUserName
      display_name: join(' ', [firstName, lastName])
      password: {file: passwords.yaml}

``account`` and ``monitored_user`` are about each item of the lists that ``accounts`` and ``monitored`` give.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field

from certsuite.devices.device_info import DeviceInfo, SecretRow, device_info_of, load_device_info
from certsuite.devices.placed_model import Strict, mistake_at, validated
from certsuite.devices.yaml_lines import FieldPath, PlacedData, load_json, load_yaml


def _compiles(expression: str) -> str:
    try:
        jmespath.compile(expression)
    except JMESPathError as error:
        raise ValueError(f"not a JMESPath expression: {str(error).splitlines()[0]}") from error
    return expression


_Expression = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_compiles)]


class AccountMapping(Strict):
    """Where the fields of an account are, from the account's own place."""

    line: _Expression
    aor: _Expression
    auth_user: _Expression
    password: SecretRow
    display_name: _Expression | None = None
    label: _Expression | None = None
    appearance: _Expression | None = None


class MonitoredMapping(Strict):
    """Where the fields of a monitored user are."""

    user: _Expression
    label: _Expression | None = None


class DeviceInfoMapping(Strict):
    """Where everything is."""

    schema_version: Literal[1] = Field(alias="schema")
    kind: _Expression
    outbound_proxy: _Expression
    accounts: _Expression
    account: AccountMapping
    monitored: _Expression | None = None
    monitored_user: MonitoredMapping | None = None
    codecs: _Expression | None = None
    mac: _Expression | None = None


def load_mapped_device_info(file: Path, mapping: Path, environment: Mapping[str, str]) -> DeviceInfo:
    """Read a JSON file as the mapping says; files of secrets are relative to the mapping.

    Raises :class:`~certsuite.devices.yaml_lines.ProfileErrors`: a mistake in a value is told with the line of the
    mapping whose expression gave it.
    """
    placed = load_yaml(mapping)
    return device_info_of(_Mapped(file, placed).data(), mapping.parent, environment)


def read_device_info(file: Path, mapping: Path | None, environment: Mapping[str, str]) -> DeviceInfo:
    """Device info in the neutral form, or in another one by a mapping. Raises :class:`UsageError`."""
    if mapping is None:
        return load_device_info(file, environment)
    return load_mapped_device_info(file, mapping, environment)


class _Mapped:
    """Brings one document into the neutral form, and remembers which line of the mapping each value came from."""

    def __init__(self, file: Path, placed: PlacedData) -> None:
        self._document = load_json(file).data
        self._rules = placed
        self._mapping = validated(DeviceInfoMapping, placed)
        self._result = PlacedData({"schema": 1}, {(): placed.place(())})

    def data(self) -> PlacedData:
        rules = self._mapping
        for name in ("kind", "outbound_proxy", "codecs", "mac"):
            self._put(self._result.data, (name,), getattr(rules, name), self._document, (name,))
        self._list("accounts", rules.accounts, rules.account, "account")
        for index, account in enumerate(self._result.data["accounts"]):
            account["password"] = rules.account.password.model_dump()
            self._result.places["accounts", index, "password"] = self._rules.place(("account", "password"))
        if rules.monitored is not None:
            if rules.monitored_user is None:
                raise mistake_at(("monitored",), "needs monitored_user beside it", self._rules)
            self._list("monitored", rules.monitored, rules.monitored_user, "monitored_user")
        return self._result

    def _list(self, name: str, expression: str, fields: Strict, rule: str) -> None:
        items = self._found(expression, self._document, (name,))
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise mistake_at((name,), f"{expression!r} must give a list of objects", self._rules)
        self._result.places[(name,)] = self._rules.place((name,))
        self._result.data[name] = []
        for index, item in enumerate(items):
            row: dict[str, Any] = {}
            self._result.places[name, index] = self._rules.place((rule,))
            for field in type(fields).model_fields:
                if field != "password":
                    self._put(row, (name, index, field), getattr(fields, field), item, (rule, field))
            self._result.data[name].append(row)

    def _put(self, into: dict[str, Any], path: FieldPath, expression: str | None, within: Any, rule: FieldPath) -> None:
        if expression is None:
            return
        value = self._found(expression, within, rule)
        # What is absent from the document is left out, so that a default holds or the field is told to be missing.
        if value is not None:
            into[str(path[-1])] = value
        self._result.places[path] = self._rules.place(rule)

    def _found(self, expression: str, within: Any, rule: FieldPath) -> Any:
        try:
            return jmespath.search(expression, within)
        except JMESPathError as error:
            # The error's text may hold a value of the document.
            raise mistake_at(
                rule, f"{expression!r} cannot be used on it: {type(error).__name__}", self._rules
            ) from None
