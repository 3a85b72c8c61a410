"""What is different in what a device offers: between two kinds of its ClientHellos, and between two runs.

A run keeps what was offered in ``evidence/offer.json``: a later run of the same profile is compared with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certsuite.core.errors import UsageError
from certsuite.report.words import safe

OFFER = "evidence/offer.json"
"Where a run keeps what was offered, seen from its folder."
SCHEMA_VERSION = 1

FIELDS: Mapping[str, str] = {
    "legacy_version": "Legacy version",
    "versions": "Versions",
    "suites": "Suites",
    "groups": "Groups",
    "signature_algorithms": "Signatures",
    "extensions": "Extensions",
    "alpn": "ALPN",
    "compression": "Compression",
    "fingerprints": "Fingerprint",
}
"What is compared, with its name for a reader."

Offered = Mapping[str, tuple[str, ...]]
"Values by field. A number on the wire reads ``0xNNNN name``: the number counts, and the name may get better."

_NUMBERED = frozenset({"suites", "groups", "signature_algorithms", "extensions"})
_RANKED = frozenset({"suites", "groups", "signature_algorithms"})
"Fields whose order is the device's preference."
_FILE_AT_MOST = 1 << 20
_NOTES_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What is different in one field."""

    field: str
    "Its name for a reader."
    added: tuple[str, ...]
    gone: tuple[str, ...]
    reordered: bool = False
    "Whether what is in both comes in another order of preference."

    def __str__(self) -> str:
        parts = [f"added {', '.join(self.added)}"] if self.added else []
        parts += [f"gone {', '.join(self.gone)}"] if self.gone else []
        parts += ["another order"] if self.reordered else []
        return f"{self.field}: {'; '.join(parts)}"


@dataclass(frozen=True, slots=True)
class OfferOfRun:
    """What a device offered in one run, as its file has it."""

    run: str
    started: str
    profile: str
    firmware: str
    fault: str
    kinds: int
    "Kinds of ClientHello; with more than one the order of the values is not the device's."
    shuffles: bool
    offered: Offered
    answers: Offered
    "Alerts that the device sent, by what an edge presented."

    @property
    def named(self) -> str:
        """The run and what sets it apart."""
        about = [f"firmware {self.firmware}"] if self.firmware else []
        about += [f"fault {self.fault}"] if self.fault else []
        return f"{self.run} ({', '.join(about)})" if about else self.run

    def to_json(self, earlier: OfferOfRun | None) -> bytes:
        """The file of this run, with what it was compared with: a folder that is moved keeps its comparison."""
        document = {**self._document(), "earlier": earlier._document() if earlier else None}
        return json.dumps(document, indent=1, ensure_ascii=True).encode("ascii") + b"\n"

    def _document(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA_VERSION,
            **{field: getattr(self, field) for field in _OWN_TEXTS},
            "kinds": self.kinds,
            "shuffles_extensions": self.shuffles,
            "offered": {field: list(self.offered[field]) for field in FIELDS},
            "answers": {what: list(alerts) for what, alerts in self.answers.items()},
        }


_OWN_TEXTS = ("run", "started", "profile", "firmware", "fault")


@dataclass(frozen=True, slots=True)
class OfferComparison:
    """One run's offer against an earlier one's."""

    earlier: str
    "The run that it is compared with; empty if there is none."
    changes: tuple[Change, ...] = ()
    answers: tuple[str, ...] = ()
    "Where the device answered with another alert than before, as sentences."
    notes: tuple[str, ...] = ()
    "Why there is no comparison, or not with the file that might be expected."

    def lines(self) -> list[str]:
        """For a terminal."""
        found = [*map(str, self.changes), *self.answers]
        if self.earlier and not found:
            found = ["the same as before"]
        return [safe(line) for line in (*found, *self.notes)]


def changes(before: Offered, after: Offered, *, ordered: bool = True) -> tuple[Change, ...]:
    """Field by field what ``after`` has that ``before`` has not, what it lacks, and whether the order changed."""
    found = []
    for field, title in FIELDS.items():
        was, now = _by_key(field, before[field]), _by_key(field, after[field])
        kept = [key for key in now if key in was]
        change = Change(
            title,
            added=tuple(name for key, name in now.items() if key not in was),
            gone=tuple(name for key, name in was.items() if key not in now),
            reordered=ordered and field in _RANKED and kept != [key for key in was if key in now],
        )
        if change.added or change.gone or change.reordered:
            found.append(change)
    return tuple(found)


def compare_offers(before: OfferOfRun, after: OfferOfRun, notes: tuple[str, ...] = ()) -> OfferComparison:
    """What is different in the newer of two runs."""
    found = changes(before.offered, after.offered, ordered=before.kinds == after.kinds == 1)
    if before.shuffles or after.shuffles:
        # Its extensions have no order, and the fingerprint depends on it.
        found = tuple(change for change in found if change.field != FIELDS["fingerprints"])
    # Which faults a run had depends on its plan: only what both presented can be compared.
    answers = tuple(
        f"{what}: answered with {_alerts(before.answers[what])} before, with {_alerts(alerts)} now"
        for what, alerts in after.answers.items()
        if what in before.answers and before.answers[what] != alerts
    )
    return OfferComparison(before.named, found, answers, notes)


def compare_offers_of(old: Path, new: Path) -> OfferComparison:
    """What is different between the runs in two folders; says so where one has no file."""
    try:
        return compare_offers(read_offer(old), read_offer(new))
    except UsageError as error:
        return OfferComparison("", notes=(str(error),))


def find_earlier(folder: Path, offer: OfferOfRun, baseline: Path | None) -> tuple[OfferOfRun | None, tuple[str, ...]]:
    """What the run in ``folder`` is to be compared with, and notes on what could not be read.

    That is the baseline; else what it was compared with already; else the newest run of the same profile among the
    folders beside it that began earlier.
    """
    if baseline is not None:
        try:
            return read_offer(baseline), ()
        except UsageError as error:
            return None, (str(error),)
    if (before := _earlier_of(folder)) is not None:
        return before, ()
    found, notes = [], []
    for path in sorted(folder.absolute().parent.glob(f"*/{OFFER}")):
        beside = path.parents[1]
        if beside == folder.absolute():
            continue
        try:
            found.append(read_offer(beside))
        except UsageError as error:
            notes.append(str(error))
    fit = [one for one in found if one.profile == offer.profile and one.started < offer.started]
    newest = max(fit, key=lambda one: (one.started, one.run), default=None)
    if newest is None:
        notes.append(f"no earlier run of the profile {offer.profile} beside this one kept what was offered")
    return newest, tuple(notes[-_NOTES_AT_MOST:])


def read_offer(folder: Path) -> OfferOfRun:
    """What was offered in the run in ``folder``. Raises :class:`UsageError` with file and reason if it does not say."""
    return _offer_of(_document_of(folder), str(folder / OFFER))


def _earlier_of(folder: Path) -> OfferOfRun | None:
    try:
        earlier = _document_of(folder).get("earlier")
        return _offer_of(earlier, str(folder / OFFER)) if earlier is not None else None
    except UsageError:
        # It is written anew in a moment.
        return None


def _document_of(folder: Path) -> dict[str, Any]:
    path = folder / OFFER
    try:
        if not path.is_file():
            raise UsageError(
                f"{path}: there is none: the device sent no ClientHello, or an older version wrote the reports;"
                " `certsuite report RUN` writes them anew"
            )
        with path.open("rb") as file:
            content = file.read(_FILE_AT_MOST + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    try:
        if len(content) > _FILE_AT_MOST:
            raise ValueError(f"it is longer than {_FILE_AT_MOST} bytes")
        document = json.loads(content)
        if not isinstance(document, dict):
            raise ValueError("no JSON object")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a file of what a device offered: {error}") from error
    return document


def _offer_of(document: Any, place: str) -> OfferOfRun:
    try:
        if document["schema"] != SCHEMA_VERSION:
            raise UsageError(f"{place}: schema {document['schema']!r}; this version reads schema {SCHEMA_VERSION}")
        return OfferOfRun(
            **{field: _text(document[field]) for field in _OWN_TEXTS},
            kinds=int(document["kinds"]),
            shuffles=bool(document["shuffles_extensions"]),
            offered={field: _texts(document["offered"][field]) for field in FIELDS},
            answers={_text(what): _texts(alerts) for what, alerts in document["answers"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{place}: not a file of what a device offered: {error!r}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return tuple(_text(one) for one in value)


def _by_key(field: str, values: tuple[str, ...]) -> dict[str, str]:
    """Values by what makes them the same: a number where there is one."""
    if field not in _NUMBERED:
        return {value: value for value in values}
    parted = (value.partition(" ") for value in values)
    return {number: name or number for number, _, name in parted}


def _alerts(alerts: tuple[str, ...]) -> str:
    return ", ".join(alerts) or "no alert"
