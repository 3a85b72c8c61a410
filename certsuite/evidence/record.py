"""The record of a run: ``record.jsonl``, append-only, one observation a line; and ``judgements.jsonl`` beside it.

What is written stays: a process that is killed leaves at most one torn line at the end of what it wrote, and the reader
knows it as such. A resumed run appends a segment to the same file.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from certsuite.core.errors import RecordError
from certsuite.core.events import SegmentClosed, SegmentOpened
from certsuite.core.observations import Observation
from certsuite.core.redaction import printable
from certsuite.core.verdicts import DECISIONS

RECORD = "record.jsonl"
"Name of the record in a run's folder."
JUDGEMENTS = "judgements.jsonl"
"Name of the file that keeps later judgements and reviews."
_OWNER_ONLY = 0o600
_REVIEW = {
    "case": re.compile(r".+"),
    "variant": re.compile(r".*"),
    "verdict": re.compile("|".join(DECISIONS)),
    "by": re.compile(r"(?s).+"),
    "at": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    # It is linked to from the report, so it can lead nowhere else.
    "evidence": re.compile(r"evidence/reviews/[0-9a-f]{16}(\.[A-Za-z0-9]{1,8})?"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
}
"The form of each field of a review."


class RecordWriter:
    """Appends observations to a record, each with one unbuffered write. An instance is a subscriber of the journal.

    Raises :class:`RecordError` if the file cannot be opened or is being written by another process, if it holds a run
    already and ``resume`` is not set, and, once, when a write fails: from then on observations are dropped, since
    everything else of the run is void without its record, and :attr:`failure` says why.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.path = path
        self.failure: RecordError | None = None
        "Why nothing is written any more; ``None`` while all is well."
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._fd = os.open(path, flags, _OWNER_ONLY)
        except OSError as error:
            raise _cannot("written", path, error) from error
        try:
            self._take_over(resume=resume)
        except BaseException:
            os.close(self._fd)
            raise

    def __call__(self, observation: Observation) -> None:
        """Append an observation."""
        if self.failure is None and self._fd >= 0:
            self._append(observation.to_json().encode("ascii") + b"\n")

    def sync(self) -> None:
        """Have everything written so far on the disk. Raises :class:`RecordError` as a write does."""
        if self.failure is not None or self._fd < 0:
            return
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the file; a second time does nothing. Observations that come later are dropped."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_over(self, *, resume: bool) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RecordError(f"the record {self.path} is being written by another process") from error
        size = os.fstat(self._fd).st_size
        if size and not resume:
            raise RecordError(f"the record {self.path} holds a run already; resume it or choose another folder")
        # A line that a killed process left torn gets its end here: it must not swallow the new segment's first line.
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            self._append(b"\n")

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                written = os.write(self._fd, rest)
            except OSError as error:
                raise self._failed(error) from error
            rest = rest[written:]

    def _failed(self, error: OSError) -> RecordError:
        self.failure = _cannot("written", self.path, error)
        return self.failure


@dataclass(frozen=True, slots=True)
class Segment:
    """The part of a record that one process wrote."""

    number: int
    first_seq: int
    last_seq: int
    opened: SegmentOpened | None
    closed: SegmentClosed | None
    "``None`` if the process was killed."


@dataclass(frozen=True, slots=True)
class Record:
    """A record as read."""

    observations: tuple[Observation, ...]
    torn: bool = False
    "Whether a line was cut short by the end of the process that wrote it, and left out here."

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The parts, one a process, in their order."""
        parts: dict[int, list[Observation]] = {}
        for observation in self.observations:
            parts.setdefault(observation.segment, []).append(observation)
        return tuple(_segment(number, part) for number, part in parts.items())

    @property
    def complete(self) -> bool:
        """Whether the run came to its end: what the last segment says."""
        segments = self.segments
        return bool(segments) and segments[-1].closed is not None and segments[-1].closed.complete

    @property
    def next_seq(self) -> int:
        """Number of the first observation of a segment that resumes this run."""
        return self.observations[-1].seq + 1 if self.observations else 0

    @property
    def next_segment(self) -> int:
        """Number of a segment that resumes this run."""
        return self.observations[-1].segment + 1 if self.observations else 0

    def span(self, first_seq: int, last_seq: int) -> tuple[Observation, ...]:
        """Observations numbered ``first_seq`` to ``last_seq``, both inclusive."""
        if not self.observations:
            return ()
        # Numbers have no gaps (the reader sees to it), so a number is a place.
        base = self.observations[0].seq
        return self.observations[max(first_seq - base, 0) : max(last_seq - base + 1, 0)]


def read_record(path: Path) -> Record:
    """Read a record back.

    A line that its process did not finish, the last one or one just before a new segment, is left out. Anything else
    that is wrong raises :class:`RecordError` with ``file:line``.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise _cannot("read", path, error) from error
    observations: list[Observation] = []
    torn_line: tuple[int, str] | None = None
    torn = False
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            observation = Observation.from_json(line.decode("ascii"))
        except (RecordError, UnicodeDecodeError) as error:
            if torn_line is not None:
                raise RecordError(f"{path}:{torn_line[0]}: {torn_line[1]}") from error
            torn_line = (number, str(error))
            continue
        if torn_line is not None:
            if not isinstance(observation.event, SegmentOpened):
                raise RecordError(f"{path}:{torn_line[0]}: {torn_line[1]}")
            torn_line, torn = None, True
        if observations and observation.seq != observations[-1].seq + 1:
            raise RecordError(f"{path}:{number}: number {observation.seq} follows number {observations[-1].seq}")
        observations.append(observation)
    return Record(tuple(observations), torn=torn or torn_line is not None)


def append_judgement(folder: Path, judgement: Mapping[str, Any]) -> None:
    """Add a later judgement or a person's review to ``judgements.jsonl``; nothing there is ever rewritten.

    Raises :class:`RecordError` if it cannot be written.
    """
    path = folder / JUDGEMENTS
    line = json.dumps(judgement, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, _OWNER_ONLY)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(fd, rest) :]
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise _cannot("written", path, error) from error


def read_judgements(folder: Path) -> tuple[dict[str, Any], ...]:
    """Everything in ``judgements.jsonl``, oldest first; empty if there is none.

    Raises :class:`RecordError` with ``file:line`` if a line is no JSON object, or a review that lacks something.
    """
    path = folder / JUDGEMENTS
    try:
        text = path.read_text("ascii") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} cannot be read: {error}") from error
    judgements = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        try:
            judgement = json.loads(line)
        except ValueError as error:
            raise RecordError(f"{path}:{number}: no JSON: {error}") from error
        if not isinstance(judgement, dict):
            raise RecordError(f"{path}:{number}: no JSON object")
        if judgement.get("kind") == "review":
            _check_review(judgement, f"{path}:{number}")
        judgements.append(judgement)
    return tuple(judgements)


def _check_review(review: Mapping[str, Any], place: str) -> None:
    for field, form in _REVIEW.items():
        value = review.get(field)
        if not isinstance(value, str) or not form.fullmatch(value):
            raise RecordError(f"{place}: a review's {field} is {printable(repr(value), at_most=60)}")


def _segment(number: int, part: list[Observation]) -> Segment:
    return Segment(
        number=number,
        first_seq=part[0].seq,
        last_seq=part[-1].seq,
        opened=next((o.event for o in part if isinstance(o.event, SegmentOpened)), None),
        closed=next((o.event for o in reversed(part) if isinstance(o.event, SegmentClosed)), None),
    )


def _cannot(done: str, path: Path, error: OSError) -> RecordError:
    return RecordError(f"the record {path} cannot be {done}: {os.strerror(error.errno or 0)}")
