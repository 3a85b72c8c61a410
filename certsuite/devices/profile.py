"""Device profiles: who a device is, what it claims, what tests need to know, how it is configured and controlled.

A profile is a YAML file in ``device_profiles/``; ``docs/profiles.md`` tells how one is written. All its mistakes are
reported at once, each with file, line and field.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from certsuite.core.errors import ProfileError
from certsuite.devices import placeholders
from certsuite.devices.capabilities import Capabilities, Part, Text
from certsuite.devices.profile_files import find_profile
from certsuite.devices.yaml_lines import FieldPath, PlacedData, ProfileErrors, dotted, load_yaml

LINES_AT_MOST = {"phone": 20, "gateway": 100}
AVAILABLE_DRIVERS = ("process", "operator")
"Of the drivers that the schema knows, those that a profile may name."

ActionName = Literal[
    "start",
    "stop",
    "restart",
    "reregister",
    "resync",
    "dial",
    "answer",
    "reject",
    "hangup",
    "hold",
    "resume",
    "swap",
    "echo",
    "dtmf",
    "hears",
    "transfer",
    "attended_transfer",
    "conference",
    "dnd",
]
ProcessOwned = frozenset({"start", "stop", "restart"})
"Actions that the process driver does by itself: a profile describes none of them."

Seconds = Annotated[float, Field(ge=0, le=86_400)]


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[Text, AfterValidator(_compiles)]
"A regular expression."


class Identity(Part):
    """How the device names itself."""

    make: Text
    model: Text
    user_agent: Pattern
    "What the User-Agent must match (searched for, so anchor it)."


class Values(Part):
    """PIXIT: numbers and places that the tests need; times are in seconds."""

    registration_retry_s: Seconds | None = None
    "After how long it tries again by itself when registration failed; null: it does not."
    boot_s: Seconds = 5.0
    "From its start until it does anything on the network."
    register_s: Seconds = 30.0
    "Patience from the start until it is registered, beside ``boot_s``."
    granted_expiry_s: Annotated[int, Field(ge=2, le=86_400)] = 60
    "Expiry that the bench's registrar grants: short, so that a refresh is seen soon, but not below what it can bear."
    keep_alive_s: Seconds = 0.0
    "Longest time between two of its keep-alives, if it claims them."
    failover_s: Seconds = 90.0
    "Patience until it uses the secondary."
    failback_s: Seconds = 90.0
    "Patience until it is back on the primary."
    failover_expiry_s: Annotated[int, Field(ge=1, le=86_400)] | None = None
    "Expiry that is granted in cases about failover; null: ``granted_expiry_s``."
    gives_up_s: Seconds | None = None
    "After how long it gives up a server that does not answer, for the duration that is foretold; null: not known."
    looks_back_s: Seconds | None = None
    "After how long on the secondary it looks for the primary, for the same; null: at its refresh."
    resolver_waits_s: Seconds | None = None
    "The longest pause between two questions to a DNS that does not answer; null: 5 s (RFC 1035 section 4.2.1)."
    both_down_s: Seconds = 20.0
    "For how long both targets are down, once it is served no more, when it is to recover by itself."
    session_interval_s: Annotated[int, Field(ge=1, le=86_400)] = 90
    "The smallest interval of a session timer that it takes, if it claims them: so long are those that run out."
    answer_s: Seconds = 5.0
    "Patience until a call is answered after it was told to answer."
    patience_s: dict[Text, Seconds] = Field(default_factory=dict)
    "Patience for single limits of the catalogue, by their names."
    audio: Literal["echo", "none"] = "none"
    "How its audio path can be proved: ``echo``, it sends back what it hears; ``none``, it cannot."
    echoed_calls: Annotated[int, Field(ge=1, le=100)] = 1
    "In how many calls at once it sends back what it hears."
    echo_codec: Text = ""
    "The codec that has to be in a call for that, by its encoding name; empty where any will do."
    echo_while_held: bool = False
    "Whether it goes on sending back what it hears where the device itself would be silent."

    @property
    def failover_expiry(self) -> int:
        """Seconds that are granted in cases about failover."""
        return self.granted_expiry_s if self.failover_expiry_s is None else self.failover_expiry_s


class Trust(Part):
    """How the device comes to trust the lab's root, and whether what it was shipped with stays trusted."""

    lab_root: Literal["config", "file", "manual"]
    "By its configuration, as a file that a person or program puts in place, or by hand in its user interface."
    shipped_store: Literal["system", "shipped", "none"]
    "What it trusts besides: this machine's bundle, its own store, or nothing."


class Config(Part):
    """How its configuration is made and brought to it."""

    templates: Text
    "Folder of Jinja2 templates, relative to the profile's file."
    delivery: Literal["directory"]
    variables: dict[Text, str | bool | int | float] = Field(default_factory=dict)
    "Values for the templates (``{{ variables.NAME }}``): by these, variants share one folder of templates."


class Channel(Part):
    """How commands reach the device: exactly one of stdin, tcp and unix."""

    stdin: Literal[True] | None = None
    "Commands go to its standard input, answers come from its standard output."
    tcp: Text | None = None
    "``address:port`` on which it listens."
    unix: Text | None = None
    "Path of the socket on which it listens."
    framing: Literal["line", "netstring"] = "line"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("stdin", "tcp", "unix") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of stdin, tcp and unix is needed, not {', '.join(given) or 'none'}")
        return self


class Step(Part):
    """One step of an action: exactly one of send, expect and capture."""

    send: Annotated[str, Field(max_length=10_000)] | None = None
    # With its placeholders filled a pattern is still one: the values are escaped.
    expect: Pattern | None = None
    "Regular expression that must appear in what the device says, after what an earlier step matched."
    capture: Pattern | None = None
    "The same, whose named groups are handed back."
    unless: Pattern | None = None
    "Regular expression that, if it appears first, makes the action fail at once."
    again: Pattern | None = None
    "Regular expression that, if it appears first, has the last ``send`` sent again: for asking until something is so."
    where: Literal["answers", "output"] = "answers"
    "Whether to look at what the device answers on the channel, or at what its program prints."
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 5.0

    @field_validator("capture")
    @classmethod
    def _named_groups(cls, pattern: str | None) -> str | None:
        if pattern is not None and not re.compile(pattern).groupindex:
            raise ValueError("captures nothing: it needs a named group, such as (?P<call>[0-9]+)")
        return pattern

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("send", "expect", "capture") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of send, expect and capture is needed, not {' and '.join(given) or 'none'}")
        for name in ("unless", "again"):
            if self.send is not None and getattr(self, name) is not None:
                raise ValueError(f"{name!r} belongs to expect or capture")
        return self


def _has_what_to_send_again(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    sent = False
    for step in steps:
        sent = sent or step.send is not None
        if step.again is not None and not sent:
            raise ValueError("'again' needs a send before it")
    return steps


Steps = Annotated[tuple[Step, ...], Field(strict=False, min_length=1), AfterValidator(_has_what_to_send_again)]


class Provisioning(Part):
    """How the device fetches its configuration over HTTPS."""

    file: Text
    "Which of the templates' files it asks for; ``{mac}`` is its MAC address, in lower case without separators."
    credentials: Literal["none", "basic", "digest", "certificate"] = "digest"
    "How it authenticates: not at all, by HTTP, or by a certificate of its own."
    mac: Literal["path", "header", "none"] = "path"
    "Where it names its MAC address."
    resync: Literal["notify", "action", "none"] = "notify"
    "What makes it fetch again: a NOTIFY with ``Event: check-sync``, the action ``resync``, or a restart alone."

    def file_of(self, mac: str) -> str:
        """The file's name for the device with this MAC address."""
        return self.file.replace("{mac}", mac)


class Control(Part):
    """What makes the device act."""

    driver: Literal["process", "http", "ssh", "sip", "operator"]
    start: tuple[Text, ...] = Field(default=(), strict=False)
    "The program and its arguments; for the process driver alone."
    channel: Channel | None = None
    standard_input: Text | None = None
    "File that the program reads as its standard input, for one that asks for passwords at its start."
    environment: dict[Text, str] = Field(default_factory=dict)
    resolver: Literal["private", "system"] | None = None
    """``private``: the program sees a resolv.conf that names the bench's DNS alone. ``system``: it asks the system's
    resolver on port 53, so it needs the bench ``netns``."""
    clock: Literal["faketime"] | None = None
    "``faketime``: the program's clock can be set, by libfaketime; without it, its time is this machine's."
    ready: Pattern | None = None
    "Regular expression in its output that says that it can be controlled."
    provisioning: Provisioning | None = None
    "``None``: it fetches nothing; its configuration is brought to it."
    install: str = ""
    "How to get the program, printed when it is missing."
    actions: dict[ActionName, Steps] = Field(default_factory=dict)

    @field_validator("driver")
    @classmethod
    def _driver_is_here(cls, driver: str) -> str:
        if driver not in AVAILABLE_DRIVERS:
            raise ValueError(f"the driver {driver!r} is not in this version; it has {', '.join(AVAILABLE_DRIVERS)}")
        return driver

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.driver == "process" and not self.start:
            raise ValueError("the process driver needs 'start': the program and its arguments")
        if self.driver != "process" and self.start:
            raise ValueError("'start' is for the process driver")
        if self.actions and self.channel is None:
            raise ValueError("actions need a channel by which their commands reach the device")
        if self.provisioning is not None and self.provisioning.resync == "action" and "resync" not in self.actions:
            raise ValueError("provisioning.resync is 'action', so the action 'resync' is needed")
        if self.standard_input is not None and self.channel is not None and self.channel.stdin:
            raise ValueError("standard_input and channel.stdin exclude each other")
        return self


class DeviceProfile(Part):
    """One device under test as its profile describes it."""

    schema_version: Literal[1] = Field(alias="schema")
    vendor: Text
    model: Text
    firmware: Text
    kind: Literal["phone", "gateway"]
    lines: Annotated[int, Field(ge=1, le=100)]
    identity: Identity
    capabilities: Capabilities = Capabilities()
    values: Values = Values()
    trust: Trust
    config: Config
    control: Control

    _name: str = PrivateAttr("")
    _file: Path = PrivateAttr(Path())
    _templates: Path = PrivateAttr(Path())

    @field_validator("lines")
    @classmethod
    def _lines_fit_kind(cls, lines: int, info: Any) -> int:
        kind = info.data.get("kind")
        if kind in LINES_AT_MOST and lines > LINES_AT_MOST[kind]:
            raise ValueError(f"a {kind} has at most {LINES_AT_MOST[kind]} lines")
        return lines

    @property
    def name(self) -> str:
        """Its name: that of its file."""
        return self._name

    @property
    def file(self) -> Path:
        """The file that it was loaded from."""
        return self._file

    @property
    def templates(self) -> Path:
        """The folder of its templates, absolute."""
        return self._templates

    def claims(self, name: str) -> bool:
        """Whether the device claims a capability: a field of ``capabilities``, or one item of a field that is a list,
        written ``codecs.G722``. A list by itself is claimed if it is not empty. To be a ``gateway`` is a claim too.

        ``provisioning`` is claimed by ``control.provisioning``, which says how. Raises :class:`KeyError` for a field
        that ``capabilities`` does not have.
        """
        if name == "provisioning":
            return self.control.provisioning is not None
        if name in LINES_AT_MOST:
            return name == self.kind
        field, _, item = name.partition(".")
        if field not in Capabilities.model_fields:
            raise KeyError(name)
        claimed = getattr(self.capabilities, field)
        return item in claimed if item else bool(claimed)

    def can(self, action: str) -> bool:
        """Whether the device can be made to do this action: by a person, what it claims."""
        if self.control.driver == "operator":
            return placeholders.a_person_can(action, self.claims)
        return action in ProcessOwned or action in self.control.actions


def load_profile(name_or_path: str, search: Path) -> DeviceProfile:
    """Load the profile in that file, or of that name in ``search`` (``NAME.yaml`` or ``VENDOR/NAME.yaml``).

    Raises :class:`~certsuite.core.errors.ProfileError`, or its subclass
    :class:`~certsuite.devices.yaml_lines.ProfileErrors` with all mistakes of a file.
    """
    file = find_profile(name_or_path, search)
    placed = _extended(file, search, ())
    placed.data.pop("extends", None)
    _drop_removed_actions(placed.data)
    errors = []
    profile = None
    try:
        profile = DeviceProfile.model_validate(placed.data)
    except ValidationError as error:
        errors = [_as_profile_error(detail, placed) for detail in error.errors()]
    errors += [
        _error_at(path, problem, placed)
        for path, problem in placeholders.problems_in(placed.data.get("control"), ProcessOwned)
    ]
    templates_named_in = Path(placed.place(("config", "templates")).file)
    templates = (templates_named_in.parent / profile.config.templates).resolve() if profile else None
    if templates is not None and not templates.is_dir():
        errors.append(_error_at(("config", "templates"), f"there is no folder {templates}", placed))
    if errors or profile is None or templates is None:
        order = list(dict.fromkeys(error.file for error in errors))
        raise ProfileErrors(sorted(errors, key=lambda error: (order.index(error.file), error.line or 0)))
    profile._name = file.stem
    profile._file = file
    profile._templates = templates
    return profile


def profile_hash(profile: DeviceProfile) -> str:
    """SHA-256 (hexadecimal) over the profile, with what it extends, and over its templates."""
    templates = {
        file.relative_to(profile.templates).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(profile.templates.rglob("*"))
        if file.is_file()
    }
    whole = {"profile": profile.model_dump(mode="json", by_alias=True), "templates": templates}
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _extended(file: Path, search: Path, trail: tuple[Path, ...]) -> PlacedData:
    """The data of ``file`` laid over that of the profiles which it extends."""
    placed = load_yaml(file)
    base = placed.data.get("extends")
    if base is None:
        return placed
    if not isinstance(base, str):
        raise _error_at(("extends",), "must be the name or path of one profile", placed)
    trail = (*trail, file.resolve())
    beside = file.parent / base
    try:
        base_file = beside if "/" in base or base.endswith((".yaml", ".yml")) else find_profile(base, search)
    except ProfileError as error:
        raise _error_at(("extends",), f"{base!r}: {error.problem}", placed) from error
    if not base_file.is_file():
        raise _error_at(("extends",), f"there is no such profile file: {base_file}", placed)
    if base_file.resolve() in trail:
        names = " -> ".join(step.stem for step in (*trail, base_file))
        raise _error_at(("extends",), f"goes in a circle: {names}", placed)
    return placed.merged_over(_extended(base_file, search, trail))


def _drop_removed_actions(data: dict[str, Any]) -> None:
    """An action that is null takes it away from the profile that is extended."""
    control = data.get("control")
    actions = control.get("actions") if isinstance(control, dict) else None
    if isinstance(control, dict) and isinstance(actions, dict):
        control["actions"] = {name: steps for name, steps in actions.items() if steps is not None}


def _error_at(path: FieldPath, problem: str, placed: PlacedData) -> ProfileError:
    place = placed.place(path)
    return ProfileError(problem, file=place.file, line=place.line, field=dotted(path))


def _as_profile_error(detail: ErrorDetails, placed: PlacedData) -> ProfileError:
    path: FieldPath = tuple(part for part in detail["loc"] if part != "[key]")
    problem = detail["msg"].removeprefix("Value error, ")
    last = str(path[-1]) if path else ""
    match detail["type"]:
        case "extra_forbidden":
            fields = _fields_of(path[:-1])
            problem = f"unknown field{placeholders.suggestion(last, fields)}; fields here: {', '.join(fields)}"
        case "missing":
            problem = "this field is missing"
        case "literal_error" if detail["loc"][-1] == "[key]":
            names = typing.get_args(ActionName)
            problem = f"unknown action{placeholders.suggestion(last, names)}; there are: {', '.join(names)}"
        case "string_type" if isinstance(detail["input"], int | float):
            problem = f'must be text: quote it, as "{detail["input"]}"'
    # A union names its branch at the end of the path, which is no part of the file.
    while path and path not in placed.places and detail["type"] not in ("missing", "extra_forbidden"):
        path = path[:-1]
    return _error_at(path, problem, placed)


def _fields_of(path: FieldPath) -> list[str]:
    """Names of the fields that a mapping at ``path`` of a profile may have."""
    model: Any = DeviceProfile
    for part in path:
        if isinstance(part, str) and isinstance(model, type) and issubclass(model, BaseModel):
            field = next((f for name, f in model.model_fields.items() if (f.alias or name) == part), None)
            # A key that is no field is the name of an action, whose steps the model already is.
            model = model if field is None else next(_models_in(field.annotation), None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    names = [field.alias or name for name, field in model.model_fields.items()]
    return ["extends", *names] if model is DeviceProfile else names


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)
