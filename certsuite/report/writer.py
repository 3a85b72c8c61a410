"""Writes every report of a run into its folder, from the run's results and its record alone.

Nothing here reads a clock or draws a random number: from the same record come the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from certsuite.core.errors import RecordError
from certsuite.core.results import RunResult
from certsuite.core.verdicts import Verdict
from certsuite.evidence.ladder import ladder_svg
from certsuite.evidence.ladder_rows import is_worth_a_ladder
from certsuite.evidence.record import Record
from certsuite.report.allure import ALLURE, allure_results
from certsuite.report.battery import gather_battery
from certsuite.report.failover import gather_failover
from certsuite.report.files import write_file, write_folder
from certsuite.report.html import INDEX, index_html
from certsuite.report.junit import JUNIT, junit_xml
from certsuite.report.media import gather_media
from certsuite.report.offer import Offer, gather_offer
from certsuite.report.offer_changes import OFFER, OfferComparison, OfferOfRun, compare_offers, find_earlier
from certsuite.report.results_json import RESULTS, results_document, results_json
from certsuite.report.words import RequirementInfo, ladder_path, name


def write_reports(
    folder: Path,
    result: RunResult,
    record: Record,
    titles: Mapping[str, RequirementInfo],
    baseline: Path | None = None,
) -> None:
    """Write ``results.json``, ``junit.xml``, ``allure-results/``, ``index.html``; ladders and offer of ``evidence/``.

    Each is replaced as a whole; ladders of an earlier writing that are no longer made are removed. What the device
    offered is compared with the run in the folder ``baseline``, else with the last of the same profile beside this
    one. Raises :class:`RecordError` with file and reason if one cannot be written.
    """
    ladders = make_ladders(result, record)
    paths = {folder / ladder_path(case): ladders.get((case.id, case.variant)) for case in result.cases}
    for path, svg in paths.items():
        if svg is not None:
            write_file(path, svg.encode("utf-8"))
    _remove_others(folder / "evidence", {path for path, svg in paths.items() if svg is not None})
    write_folder(folder / ALLURE, allure_results(result, ladders))
    write_file(folder / JUNIT, junit_xml(result))
    offer = gather_offer(record.observations)
    comparison = None if offer is None else _compare_offer(folder, result, offer, baseline)
    battery = gather_battery(record.observations)
    failover = gather_failover(result, record.observations)
    media = gather_media(record.observations)
    write_file(folder / INDEX, index_html(result, ladders, titles, offer, comparison, battery, failover, media))
    # Last, since programs wait for it: when it is there, so is everything that it names.
    write_file(folder / RESULTS, results_json(results_document(result, ladders.keys())))


def _compare_offer(folder: Path, result: RunResult, offer: Offer, baseline: Path | None) -> OfferComparison:
    """Keep what was offered for later runs, and compare it with an earlier one."""
    mine = OfferOfRun(
        run=result.run,
        started=result.started,
        profile=result.device.get("profile", ""),
        firmware=result.device.get("firmware", ""),
        fault=result.fault,
        kinds=len(offer.shapes) + offer.more_shapes,
        shuffles=offer.shuffles,
        offered=offer.offered,
        answers=offer.answers,
    )
    earlier, notes = find_earlier(folder, mine, baseline)
    write_file(folder / OFFER, mine.to_json(earlier))
    return OfferComparison("", notes=notes) if earlier is None else compare_offers(earlier, mine, notes)


def make_ladders(result: RunResult, record: Record) -> dict[tuple[str, str], str]:
    """The ladder of each case in whose span something crossed the wire, by (id, variant)."""
    ladders: dict[tuple[str, str], str] = {}
    for case in result.cases:
        if case.verdict is Verdict.NOT_APPLICABLE or case.last_seq <= case.first_seq:
            continue
        span = record.span(case.first_seq, case.last_seq)
        if is_worth_a_ladder(span):
            ladders[case.id, case.variant] = ladder_svg(span, title=f"{name(case)}  {case.title}")
    return ladders


def _remove_others(folder: Path, kept: set[Path]) -> None:
    try:
        for path in folder.glob("ladder-*.svg"):
            if path not in kept:
                path.unlink()
    except OSError as error:
        raise RecordError(f"the old ladders in {folder} cannot be removed: {error.strerror}") from error
