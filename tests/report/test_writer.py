"""All reports together: a run's folder as promised, the same again from the same record, and nothing outside it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from certsuite.core.errors import RecordError
from certsuite.report.writer import make_ladders, write_reports

if TYPE_CHECKING:
    from tests.report.conftest import Run


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_report_is_written(run: Run, tmp_path: Path) -> None:
    write_reports(tmp_path, run.result, run.record, run.titles)
    files = contents(tmp_path)
    assert {name for name in files if not name.startswith("allure-results/")} == {
        "results.json",
        "junit.xml",
        "index.html",
        "evidence/ladder-WXC-CALL-060.svg",
        "evidence/ladder-WXC-TLS-010.svg",
        "evidence/ladder-WXC-TLS-040.svg",
        "evidence/offer.json",
    }
    assert sum(name.endswith("-result.json") for name in files) == len(run.result.cases)
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*"))


def test_the_same_record_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_reports(tmp_path / folder, run.result, run.record, run.titles)
    write_reports(tmp_path / "b", run.result, run.record, run.titles)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_what_is_no_longer_so_is_gone(run: Run, tmp_path: Path) -> None:
    write_reports(tmp_path, run.result, run.record, run.titles)
    (tmp_path / "evidence" / "run.pcapng").write_bytes(b"capture")
    fewer = run.with_cases(run.result.cases[0])
    write_reports(tmp_path, fewer.result, run.record, run.titles)
    files = contents(tmp_path)
    assert sum(name.startswith("evidence/ladder-") for name in files) == 1
    assert sum(name.endswith("-result.json") for name in files) == 1
    assert files["evidence/run.pcapng"] == b"capture"


def test_no_path_leaves_the_folder(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    odd = replace(run.result.cases[0], variant="../../../x/..\x00<y>")
    write_reports(folder, run.with_cases(odd).result, run.record, run.titles)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert "evidence/ladder-WXC-TLS-010-.._.._.._x_..__y_.svg" in contents(folder)


def test_a_link_is_not_written_through(run: Run, tmp_path: Path) -> None:
    folder, outside = tmp_path / "run", tmp_path / "outside"
    folder.mkdir()
    outside.write_text("kept")
    (folder / "index.html").symlink_to(outside)
    (folder / ".results.json.new").symlink_to(outside)
    write_reports(folder, run.result, run.record, run.titles)
    assert outside.read_text() == "kept"
    assert not (folder / "index.html").is_symlink()


def test_a_folder_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=r"the report .*/file/.* cannot be written: "):
        write_reports(tmp_path / "file", run.result, run.record, run.titles)


def test_ladders_of_a_hostile_device_are_drawings_only(hostile_run: Run) -> None:
    ladders = make_ladders(hostile_run.result, hostile_run.record)
    assert len(ladders) == 3
    for svg in ladders.values():
        tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()}
        assert tags <= {"svg", "title", "style", "line", "rect", "text", "g", "polygon"}
