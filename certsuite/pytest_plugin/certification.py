"""One certification within a pytest session: its folder, its record, its bench, and its reports at the end."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from certsuite import __version__
from certsuite.bench.execution import CaseFunction
from certsuite.bench.run import Run, RunOptions
from certsuite.catalogue import Catalogue
from certsuite.checks.judge import judge, judge_one
from certsuite.checks.reviews import with_reviews
from certsuite.core.cases import Case
from certsuite.core.errors import CertsuiteError, RecordError, UsageError
from certsuite.core.events import SegmentOpened
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import utc_text
from certsuite.core.results import CaseResult, RunResult
from certsuite.devices.profile import DeviceProfile, profile_hash
from certsuite.evidence.pcapng import PcapngWriter
from certsuite.evidence.record import RECORD, Record, RecordWriter, read_judgements, read_record
from certsuite.pytest_plugin.webex_teller import WebexTeller
from certsuite.report.writer import write_reports
from certsuite.tls.versions import openssl_version


@dataclass(frozen=True)
class Asked:
    """What was asked for."""

    plan: str
    cases: tuple[Case, ...]
    "In the order in which they run."
    full_plan: bool
    out: Path | None
    resume: Path | None
    baseline: Path | None
    "Folder of the run that this one is compared with."
    options: RunOptions
    emulator: str = ""
    "Address of an emulator of the Webex API that is told of the registration."

    @property
    def battery(self) -> tuple[str, ...]:
        """Certificate chains that the cases want to be shown, in order."""
        return tuple(dict.fromkeys(case.presents for case in self.cases if case.presents))


class Certification:
    """Opened before the first case, closed after the last; the reports are written from the record alone."""

    def __init__(self, profile: DeviceProfile, catalogue: Catalogue, asked: Asked, reports: Path) -> None:
        for limit in profile.values.patience_s:
            if limit not in {one.name for one in catalogue.limits}:
                names = ", ".join(one.name for one in catalogue.limits)
                raise UsageError(f"{profile.file}: values.patience_s.{limit}: there is no such limit; limits: {names}")
        self.profile = profile
        self.catalogue = catalogue
        self.asked = asked
        self._clock = SystemClock()
        started = utc_text(self._clock.utc())[:19].replace(":", "-")
        self.name = f"{started}Z-{profile.name}"
        self.folder = asked.resume or asked.out or reports / self.name
        self.done: frozenset[tuple[str, str]] = frozenset()
        "Cases that an earlier segment finished: they are not run again."
        self._first_seq, self._segment = 0, 0
        if asked.resume is not None:
            self._take_up(asked.resume)
        self._writer = self._open_record(resume=asked.resume is not None)
        try:
            self._capture = PcapngWriter(
                self.folder / "evidence" / "run.pcapng", comment=self.name, tools={"certsuite": __version__}
            )
        except CertsuiteError:
            self._writer.close()
            raise
        self.journal = Journal(self._clock, segment=self._segment, first_seq=self._first_seq)
        self.journal.subscribe(self._writer)
        self._teller = self._webex_teller()
        self._run: Run | None = None

    def open(self) -> None:
        """Raise the bench. Whatever it raises, :meth:`close` is to be called."""
        self.journal.record(self._opening())
        self._run = Run(
            self.profile,
            self.catalogue,
            journal=self.journal,
            capture=self._capture,
            folder=self.folder,
            options=replace(self.asked.options, battery=self.asked.battery),
        )
        self._run.open(self.asked.cases)

    def run_case(self, case: Case, function: CaseFunction) -> CaseResult | None:
        """Run a case; gives its result, or ``None`` if it is settled later. Raises :class:`RecordError`."""
        assert self._run is not None
        since = self.journal.next_seq
        self._run.run_case(case, function)
        self._check_record()
        self._writer.sync()
        self._capture.sync()
        if case in self._run.pending:
            return None
        time_scale = self.asked.options.time_scale
        return judge_one(case.id, case.variant, self.journal.since(0), self.catalogue, time_scale, since=since)

    def settle(self) -> None:
        """Wait for what cases deferred."""
        if self._run is not None:
            self._run.settle()

    @property
    def pending(self) -> list[Case]:
        """Cases whose verdict is still open."""
        return self._run.pending if self._run else []

    def close(self, *, complete: bool, reason: str = "") -> RunResult:
        """Stop everything, judge the record and write the reports. Raises :class:`RecordError`."""
        try:
            if self._teller is not None:
                self._teller.close()
            if self._run is not None:
                self._run.close(complete=complete, reason=reason)
        finally:
            self._capture.close()
        self._check_record()
        self._writer.sync()
        self._writer.close()
        return rebuild_reports(self.folder, self.catalogue, self.asked.baseline)

    def _webex_teller(self) -> WebexTeller | None:
        info = self.asked.options.info
        return WebexTeller(self.journal, self.asked.emulator, info.mac) if self.asked.emulator and info else None

    def _check_record(self) -> None:
        failure = self._writer.failure or self._capture.failure
        if failure is not None:
            raise failure

    def _opening(self) -> SegmentOpened:
        profile, asked = self.profile, self.asked
        planned = tuple((case.id, case.variant) for case in asked.cases)
        return SegmentOpened(
            run=self.name if asked.resume is None else self._resumed_name,
            suite_version=__version__,
            tools={
                "python": platform.python_version(),
                "openssl (edge)": openssl_version(),
                **{name: version(name) for name in ("cryptography", "pyopenssl", "pylibsrtp", "av", "sipmessage")},
                "platform": sys.platform,
            },
            plan=asked.plan,
            planned=planned,
            full_plan=asked.full_plan,
            catalogue_hash=self.catalogue.hash,
            profile_hash=profile_hash(profile),
            plan_hash=hashlib.sha256(json.dumps(planned).encode()).hexdigest(),
            device={
                "vendor": profile.vendor,
                "model": profile.model,
                "firmware": profile.firmware,
                "kind": profile.kind,
                "profile": profile.name,
            },
            clock_utc=utc_text(self._clock.utc()),
            clock_mono_ns=self._clock.monotonic_ns(),
            time_scale=asked.options.time_scale,
            fault=", ".join(asked.options.faults),
            bench=asked.options.bench,
        )

    def _take_up(self, folder: Path) -> None:
        """Go on with an earlier run: what it finished counts, what it did not is run again."""
        record = read_run(folder)
        first = next((one.event for one in record.observations if isinstance(one.event, SegmentOpened)), None)
        if first is None:
            raise RecordError(f"{folder / RECORD} holds no run that could be resumed")
        if first.profile_hash != profile_hash(self.profile):
            raise UsageError(f"{folder} was made with another profile than {self.profile.name} as it is now")
        planned = tuple((case.id, case.variant) for case in self.asked.cases)
        options = self.asked.options
        before = (first.planned, first.fault, first.time_scale, first.bench)
        if before != (planned, ", ".join(options.faults), options.time_scale, options.bench):
            raise UsageError(
                f"{folder} was begun with other cases, faults, times or another bench: resume it with the same options"
            )
        self._resumed_name = first.run
        self._first_seq, self._segment = record.next_seq, record.next_segment
        result = judge(record.observations, self.catalogue)
        self.done = frozenset((case.id, case.variant) for case in result.cases)

    def _open_record(self, *, resume: bool) -> RecordWriter:
        try:
            (self.folder / "evidence").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"the report folder {self.folder} cannot be made: {error.strerror}; choose another with --out DIR"
            ) from error
        try:
            return RecordWriter(self.folder / RECORD, resume=resume)
        except RecordError as error:
            raise UsageError(f"{error}; choose another folder with --out DIR") from error


def read_run(folder: Path) -> Record:
    """The record of the run in ``folder``. Raises :class:`UsageError` if there is none, :class:`RecordError` if it is
    damaged."""
    path = folder / RECORD
    if not path.is_file():
        raise UsageError(f"{path}: there is no such record; the folder of a run is expected")
    return read_record(path)


def rebuild_reports(folder: Path, catalogue: Catalogue, baseline: Path | None = None) -> RunResult:
    """Judge the record in a run's folder and write every report of it anew. Raises :class:`RecordError`."""
    record = read_run(folder)
    result = with_reviews(judge(record.observations, catalogue), read_judgements(folder))
    write_reports(folder, result, record, catalogue.requirements, baseline)
    return result
