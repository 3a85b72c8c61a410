"""The plugin's hooks. It does nothing in a session that collects no case, but for ``--bench netns``."""

from __future__ import annotations

import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from rich.console import Console

from certsuite.bench import namespace
from certsuite.bench.planning import in_order
from certsuite.catalogue import load_catalogue
from certsuite.core.cases import Case, declared_case
from certsuite.core.errors import CertsuiteError, RecordError, UsageError
from certsuite.core.places import PROFILES, REPORTS
from certsuite.core.redaction import printable
from certsuite.core.results import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_USAGE, RunResult
from certsuite.devices.device_info import check_fit
from certsuite.devices.profile import load_profile
from certsuite.pytest_plugin.certification import Asked, Certification
from certsuite.pytest_plugin.collected import collect_cases
from certsuite.pytest_plugin.mapping import report_to_pytest
from certsuite.pytest_plugin.options import REFERENCE, add_options, run_options, told_emulator
from certsuite.pytest_plugin.progress import Progress
from certsuite.report.compare import compare, read_results, worse_than
from certsuite.report.offer_changes import compare_offers_of
from certsuite.report.results_json import results_document
from certsuite.report.terminal import summary

_certification = pytest.StashKey[Certification]()
_progress = pytest.StashKey[Progress]()
_result = pytest.StashKey[RunResult]()
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_comparison = pytest.StashKey[tuple[bool, str]]()
_failure = pytest.StashKey[tuple[int, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Enter the namespaces, if asked for, before anything holds the terminal: what follows is done there anew."""
    if early_config.known_args_namespace.bench == "netns":
        try:
            namespace.enter()
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
    yield


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "certsuite: a certification case")


@pytest.fixture
def bench() -> None:
    """The bench; the plugin hands it to the case when it runs it."""


@pytest.fixture
def phone() -> None:
    """The device; the plugin hands it to the case when it runs it."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Select what was asked for, and order it."""
    by_case = {case: item for item in items if (case := _case_of(item)) is not None}
    if not by_case:
        return
    try:
        certification = _asked_for(config, list(by_case))
    except CertsuiteError as error:
        config.stash[_failure] = (EXIT_USAGE if isinstance(error, UsageError) else EXIT_ERROR, str(error))
        items.clear()
        return
    others = [item for item in items if _case_of(item) is None]
    chosen = [by_case[case] for case in certification.asked.cases if (case.id, case.variant) not in certification.done]
    config.hook.pytest_deselected(items=[item for item in by_case.values() if item not in chosen])
    items[:] = [*chosen, *others]
    config.stash[_certification] = certification
    config.stash[_progress] = Progress(_console(config), len(chosen))


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Raise the bench before the first case; settle, judge and report after the last."""
    config = session.config
    certification = config.stash.get(_certification, None)
    if certification is None:
        return (yield)
    progress = config.stash[_progress]
    complete, reason = False, ""
    # A build server that gives up, or a terminal that goes, ends a run in the same order as Ctrl-C.
    for name in _ENDING_SIGNALS:
        signal.signal(name, _interrupt)
    try:
        if config.getoption("--progress"):
            progress.say(f"certifying {certification.profile.vendor} {certification.profile.model}: raising the bench")
        try:
            certification.open()
        except CertsuiteError:
            # pytest's own loop has to be come to all the same: it finds nothing to run.
            session.items.clear()
            yield
            raise
        outcome = yield
        if certification.pending and config.getoption("--progress"):
            names = ", ".join(case.id for case in certification.pending)
            progress.say(f"waiting for what takes time: {names}")
        certification.settle()
        complete = True
    except KeyboardInterrupt:
        # A record that can no longer be written ends the session in the same way, and has said why.
        reason = config.stash[_failure][1] if _failure in config.stash else "interrupted"
        raise
    except CertsuiteError as error:
        reason = str(error)
        code = EXIT_USAGE if isinstance(error, UsageError) else EXIT_ERROR
        config.stash[_failure] = (code, str(error))
        outcome = True
    except Exception as error:
        # Whatever it is, the run is not worth more than its record, and says so before pytest tells the rest.
        reason = f"internal error: {error!r}"
        config.stash[_failure] = (EXIT_ERROR, reason)
        raise
    finally:
        _close(config, certification, complete=complete, reason=reason)
    return outcome


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a case on the bench's loop."""
    case = _case_of(pyfuncitem)
    if case is None:
        return None
    config = pyfuncitem.config
    certification, progress = config.stash[_certification], config.stash[_progress]
    shown = config.getoption("--progress")
    if shown:
        progress.began(case)
    try:
        result = certification.run_case(case, pyfuncitem.obj)
    except RecordError as error:
        # Nothing that follows would be recorded, so nothing that follows counts.
        config.stash[_failure] = (EXIT_ERROR, str(error))
        pyfuncitem.session.shouldstop = str(error)
        raise
    if shown:
        progress.ended(result)
    if result is not None:
        report_to_pytest(result)
    return True


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """The exit code is the outcome's."""
    if (failure := session.config.stash.get(_failure, None)) is not None:
        session.exitstatus = failure[0]
    elif (result := session.config.stash.get(_result, None)) is not None:
        session.exitstatus = result.exit_code
        if (comparison := session.config.stash.get(_comparison, None)) is not None and result.exit_code in (0, 1):
            session.exitstatus = int(comparison[0])


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last words: the outcome, or why there is none."""
    console = _console(config)
    if (result := config.stash.get(_result, None)) is not None:
        console.print(summary(result, config.stash[_certification].folder), soft_wrap=True)
    if (comparison := config.stash.get(_comparison, None)) is not None:
        console.print(f"\ncompared with the baseline: {'worse' if comparison[0] else 'not worse'}\n{comparison[1]}")
    if (failure := config.stash.get(_failure, None)) is not None:
        console.print(f"\ncertsuite: {failure[1]}", markup=False, highlight=False, soft_wrap=True)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _close(config: pytest.Config, certification: Certification, *, complete: bool, reason: str) -> None:
    # What ends the run now is its own end: a second Ctrl-C would leave a device running and a record without its end.
    for name in _ENDING_SIGNALS:
        signal.signal(name, signal.SIG_IGN)
    try:
        config.stash[_result] = result = certification.close(complete=complete, reason=reason)
        if (baseline := certification.asked.baseline) is not None:
            old, new = read_results(baseline), results_document(result, set())
            offer = compare_offers_of(baseline, certification.folder)
            config.stash[_comparison] = (worse_than(old, new), compare(old, new, offer).text())
    except CertsuiteError as error:
        if _failure not in config.stash:
            code = EXIT_INTERRUPTED if reason == "interrupted" else EXIT_ERROR
            config.stash[_failure] = (code, str(error))


def _asked_for(config: pytest.Config, collected: list[Case]) -> Certification:
    """The certification that the options describe. Raises :class:`UsageError`."""
    catalogue = load_catalogue()
    profile = load_profile(config.getoption("--device") or REFERENCE, PROFILES)
    names, plan_name = config.getoption("--case"), config.getoption("--plan")
    if names and plan_name:
        raise UsageError("--case and --plan exclude each other")
    known = {case.id for case in collected}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no case {printable(name)}; `certsuite cases` lists them")
    plan_name = plan_name or "full"
    if plan_name not in catalogue.plans:
        raise UsageError(f"there is no plan {printable(plan_name)}; there are {', '.join(catalogue.plans)}")
    plan = catalogue.plans[plan_name]
    chosen = [case for case in collected if (case.id in names if names else plan.asks_for(case.id))]
    baseline = _path(config.getoption("--baseline"))
    if baseline is not None:
        # What cannot be compared with is told before the run, and not after it.
        read_results(baseline)
    options = run_options(config, profile.name)
    if options.info is not None:
        check_fit(profile, options.info)
        profile = profile.model_copy(update={"lines": len(options.info.accounts)})
    if options.credentials and set(options.credentials) != set(range(1, profile.lines + 1)):
        raise UsageError(
            f"the credentials are for lines {sorted(options.credentials)}; the device has 1 to {profile.lines}"
        )
    asked = Asked(
        plan="" if names else plan_name,
        cases=tuple(in_order(chosen)),
        # Who asks for another root has not asked for that of Webex, so nothing is qualified by it.
        full_plan=not names
        and plan_name == "full"
        and (options.root is None or options.root.is_of_webex)
        and _are_all(collected),
        out=_path(config.getoption("--out")),
        resume=_path(config.getoption("--resume")),
        baseline=baseline,
        options=options,
        emulator=told_emulator(config, options),
    )
    return Certification(profile, catalogue, asked, REPORTS)


def _are_all(collected: list[Case]) -> bool:
    """Whether these are all cases that there are: plain pytest may have been given one file of them, or ``-k``."""
    return {(case.id, case.variant) for case in collect_cases()} <= {(case.id, case.variant) for case in collected}


def _case_of(item: pytest.Item) -> Case | None:
    return declared_case(getattr(item, "obj", None))


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _console(config: pytest.Config) -> Console:
    return Console(highlight=False, markup=False)
