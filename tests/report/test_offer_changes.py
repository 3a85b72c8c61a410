"""What is different in what a device offers: between two runs, and what becomes of a file that is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from certsuite.core.errors import UsageError
from certsuite.report.offer_changes import (
    FIELDS,
    OFFER,
    OfferOfRun,
    changes,
    compare_offers,
    compare_offers_of,
    find_earlier,
    read_offer,
)
from certsuite.report.writer import write_reports

if TYPE_CHECKING:
    from tests.report.conftest import Run

OFFERED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(FIELDS, ()),
    "versions": ("TLSv1.3", "TLSv1.2"),
    "suites": ("0xc030 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "0xc02f TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    "extensions": ("0x0017 extended_master_secret", "0x000a supported_groups"),
    "fingerprints": ("a" * 32,),
}
FIRST = OfferOfRun(
    run="first",
    started="2026-11-21T20:15:00.000000Z",
    profile="acme-t1",
    firmware="2.4.1",
    fault="",
    kinds=1,
    shuffles=False,
    offered=OFFERED,
    answers={"unknown-root: TLSv1.2": ("48 unknown_ca",), "wrong-host: TLSv1.2": ()},
)
SECOND = replace(FIRST, run="second", started="2026-11-22T20:15:00.000000Z")


def offering(offer: OfferOfRun, **fields: tuple[str, ...]) -> OfferOfRun:
    return replace(offer, offered={**offer.offered, **fields})


def keep(folder: Path, offer: OfferOfRun, earlier: OfferOfRun | None = None) -> Path:
    (folder / "evidence").mkdir(parents=True, exist_ok=True)
    (folder / OFFER).write_bytes(offer.to_json(earlier))
    return folder


# --- two offers


def test_what_is_the_same_is_no_change() -> None:
    comparison = compare_offers(FIRST, SECOND)
    assert (comparison.earlier, comparison.changes, comparison.answers) == ("first (firmware 2.4.1)", (), ())
    assert comparison.lines() == ["the same as before"]


def test_each_field_is_compared() -> None:
    for field, title in FIELDS.items():
        other = offering(SECOND, **{field: ("0x1301 another",)})
        assert [change.field for change in compare_offers(FIRST, other).changes] == [title], field


def test_what_came_and_what_went_is_named() -> None:
    suites = ("0xc030 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "0xcca8 0xcca8")
    comparison = compare_offers(FIRST, offering(SECOND, suites=suites, versions=("TLSv1.2",)))
    assert comparison.lines() == [
        "Versions: gone TLSv1.3",
        "Suites: added 0xcca8; gone TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ]


def test_the_order_counts_where_it_is_a_preference_and_is_known() -> None:
    turned = {field: tuple(reversed(values)) for field, values in OFFERED.items()}
    other = replace(SECOND, offered=turned)
    assert compare_offers(FIRST, other).lines() == ["Suites: another order"]
    assert compare_offers(FIRST, replace(other, kinds=2)).changes == ()
    assert [str(one) for one in changes(OFFERED, turned)] == ["Suites: another order"]


def test_a_number_with_a_better_name_is_the_same() -> None:
    assert compare_offers(FIRST, offering(SECOND, extensions=("0x0017 23", "0x000a supported_groups"))).changes == ()


def test_the_fingerprint_of_one_who_shuffles_says_nothing() -> None:
    other = offering(SECOND, fingerprints=("b" * 32,))
    assert [one.field for one in compare_offers(FIRST, other).changes] == ["Fingerprint"]
    assert compare_offers(FIRST, replace(other, shuffles=True)).changes == ()


def test_alerts_are_compared_where_both_presented_the_same() -> None:
    answers = {
        "unknown-root: TLSv1.2": ("42 bad_certificate",),
        "wrong-host: TLSv1.2": ("48 unknown_ca",),
        "expired: TLSv1.2": ("45 certificate_expired",),
    }
    assert compare_offers(FIRST, replace(SECOND, answers=answers)).answers == (
        "unknown-root: TLSv1.2: answered with 48 unknown_ca before, with 42 bad_certificate now",
        "wrong-host: TLSv1.2: answered with no alert before, with 48 unknown_ca now",
    )


# --- runs


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    hostile = offering(SECOND, alpn=("\x1b[31m<b>", "sip 2"))
    assert read_offer(keep(tmp_path, hostile, FIRST)) == hostile


def test_the_newest_earlier_run_of_the_same_profile_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for offer in (
        replace(FIRST, run="older", started="2026-11-20T20:15:00.000000Z"),
        FIRST,
        SECOND,
        replace(FIRST, run="later", started="2026-11-23T20:15:00.000000Z"),
        replace(FIRST, run="of-another", profile="acme-t2", started="2026-11-22T10:15:00.000000Z"),
    ):
        keep(tmp_path / offer.run, offer)
    assert find_earlier(folder, SECOND, None) == (FIRST, ())
    assert find_earlier(folder, SECOND, tmp_path / "older")[0] == read_offer(tmp_path / "older")


def test_without_an_earlier_run_it_is_said(tmp_path: Path) -> None:
    earlier, notes = find_earlier(tmp_path / "mine", FIRST, None)
    assert earlier is None
    assert notes == ("no earlier run of the profile acme-t1 beside this one kept what was offered",)
    earlier, notes = find_earlier(tmp_path / "mine", FIRST, tmp_path / "missing")
    assert earlier is None
    assert notes[0].startswith(f"{tmp_path / 'missing' / OFFER}: there is none")


def test_a_comparison_stays_when_the_folder_is_moved(tmp_path: Path) -> None:
    folder = keep(tmp_path / "elsewhere" / "mine", SECOND, FIRST)
    assert find_earlier(folder, SECOND, None) == (FIRST, ())
    (folder / OFFER).write_text('{"earlier": []}')
    assert find_earlier(folder, SECOND, None)[0] is None


def without(field: str) -> Callable[[dict[str, object]], None]:
    return lambda document: document.__delitem__(field)


def setting(field: str, value: object) -> Callable[[dict[str, object]], None]:
    return lambda document: document.__setitem__(field, value)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without("run"), "KeyError('run')"),
        (setting("run", 7), "7 is no text"),
        (setting("schema", 2), "schema 2; this version reads schema 1"),
        (setting("offered", {}), "KeyError('legacy_version')"),
        (setting("offered", {**{field: [] for field in FIELDS}, "suites": "0xc030"}), "'0xc030' is no list"),
        (setting("answers", []), "no attribute 'items'"),
        (setting("kinds", "many"), "invalid literal"),
    ],
)
def test_a_malformed_file_is_told_and_not_compared_with(
    tmp_path: Path, spoil: Callable[[dict[str, object]], None], reason: str
) -> None:
    document = json.loads(FIRST.to_json(None))
    spoil(document)
    folder = keep(tmp_path / "first", FIRST)
    (folder / OFFER).write_text(json.dumps(document))
    with pytest.raises(UsageError) as error:
        read_offer(folder)
    assert reason in str(error.value)
    earlier, notes = find_earlier(tmp_path / "mine", SECOND, None)
    assert earlier is None
    assert notes[0] == str(error.value)
    assert compare_offers_of(folder, keep(tmp_path / "mine", SECOND)).lines() == [str(error.value)]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b" " * 2_000_000])
def test_what_is_no_such_file_at_all_is_told(tmp_path: Path, content: bytes) -> None:
    folder = keep(tmp_path, FIRST)
    (folder / OFFER).write_bytes(content)
    with pytest.raises(UsageError, match="not a file of what a device offered"):
        read_offer(folder)


# --- the report


def test_the_report_shows_what_changed_since_the_last_run(run: Run, tmp_path: Path) -> None:
    write_reports(tmp_path / "a", run.result, run.record, run.titles)
    page = (tmp_path / "a" / "index.html").read_text("utf-8")
    assert "no earlier run of the profile acme-t1 beside this one kept what was offered" in page
    before = read_offer(tmp_path / "a")
    keep(tmp_path / "a", replace(offering(before, versions=("<b>SSLv3",)), answers=dict.fromkeys(before.answers, ())))
    later = replace(run.result, run="later", started="2026-11-22T20:15:00.000000Z")
    for _ in range(2):
        write_reports(tmp_path / "b", later, run.record, run.titles)
        page = (tmp_path / "b" / "index.html").read_text("utf-8")
        part = page[page.index('id="offer-difference"') :]
        assert f"Difference to the earlier run {run.result.run} (firmware 2.4.1)" in part
        versions = " ".join(f"<code>{version}</code>" for version in before.offered["versions"])
        assert f"<td>{versions}</td><td><code>&lt;b&gt;SSLv3</code></td>" in part
        assert "answered with no alert before, with 48 unknown_ca now" in part
        # It does not depend on the earlier run's folder any more.
        (tmp_path / "a" / OFFER).unlink(missing_ok=True)
