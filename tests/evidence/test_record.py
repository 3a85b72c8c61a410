"""The record: what was written is read back, whatever happened to the process that wrote it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from certsuite.core.errors import RecordError
from certsuite.core.events import Note, SegmentClosed, SegmentOpened, SipMessageSeen
from certsuite.core.journal import Journal, SystemClock
from certsuite.evidence.record import (
    Record,
    RecordWriter,
    append_judgement,
    read_judgements,
    read_record,
)


def opened() -> SegmentOpened:
    return SegmentOpened(
        run="r",
        suite_version="0.1.0",
        tools={},
        plan="full",
        planned=(("WXC-TLS-010", ""),),
        full_plan=True,
        catalogue_hash="",
        profile_hash="",
        plan_hash="",
        device={},
        clock_utc="2026-11-21T20:15:00.000000Z",
        clock_mono_ns=0,
    )


def write_segment(path: Path, *, events: int, complete: bool | None, resume: bool = False) -> Record:
    """Append a segment the way a run does, and read all of it back."""
    before = read_record(path) if resume else Record(())
    journal = Journal(SystemClock(), segment=before.next_segment, first_seq=before.next_seq)
    with RecordWriter(path, resume=resume) as writer:
        journal.subscribe(writer)
        journal.record(opened())
        for number in range(events):
            journal.record(Note(f"note {number}"))
        if complete is not None:
            journal.record(SegmentClosed(complete=complete))
        writer.sync()
    return read_record(path)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    journal = Journal(SystemClock())
    with RecordWriter(path) as writer:
        journal.subscribe(writer)
        journal.record(opened())
        journal.record(SipMessageSeen(bytes(range(256)), "odd \x1b\u2028\ud800"), line=1, flow="f1", direction="in")
        journal.record(SegmentClosed(complete=True))
    record = read_record(path)
    assert record.observations == tuple(journal.since(0))
    assert record.complete
    assert not record.torn
    assert [(part.number, part.first_seq, part.last_seq) for part in record.segments] == [(0, 0, 2)]
    assert record.span(1, 1) == (journal.since(1, 1)[0],)
    assert path.stat().st_mode & 0o777 == 0o600


def test_each_line_is_readable_before_the_writer_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    journal = Journal(SystemClock())
    with RecordWriter(path) as writer:
        journal.subscribe(writer)
        for number in range(3):
            journal.record(Note(str(number)))
            assert len(read_record(path).observations) == number + 1


@pytest.mark.parametrize("complete", [False, None])
def test_a_segment_without_a_good_end_is_not_complete(tmp_path: Path, complete: bool | None) -> None:
    assert not write_segment(tmp_path / "record.jsonl", events=2, complete=complete).complete


def test_an_empty_record_is_readable_and_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    RecordWriter(path).close()
    record = read_record(path)
    assert (record.observations, record.complete, record.next_seq, record.next_segment) == ((), False, 0, 0)
    assert record.span(0, 5) == ()


def test_every_cut_of_the_last_line_leaves_a_readable_record(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    write_segment(path, events=2, complete=None)
    whole = path.read_bytes()
    start_of_last = whole.rindex(b"\n", 0, -1) + 1
    for end in range(start_of_last, len(whole) - 1):
        path.write_bytes(whole[:end])
        record = read_record(path)
        assert len(record.observations) == 2
        assert record.torn == (end != start_of_last)
    path.write_bytes(whole[:-1])
    assert len(read_record(path).observations) == 3


def test_a_run_resumes_after_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    write_segment(path, events=2, complete=None)
    path.write_bytes(path.read_bytes()[:-9])
    record = write_segment(path, events=1, complete=True, resume=True)
    assert record.complete
    assert record.torn
    assert [part.number for part in record.segments] == [0, 1]
    assert record.segments[0].closed is None
    assert [observation.seq for observation in record.observations] == [0, 1, 2, 3, 4]


def test_a_run_that_is_killed_right_after_it_resumed_can_be_resumed_again(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    write_segment(path, events=2, complete=None)
    path.write_bytes(path.read_bytes()[:-9])
    RecordWriter(path, resume=True).close()
    assert read_record(path).torn
    assert write_segment(path, events=0, complete=True, resume=True).complete


def test_a_process_that_is_killed_while_it_writes_leaves_a_readable_record(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    program = (
        "import sys; from pathlib import Path\n"
        "from certsuite.core.events import Note\n"
        "from certsuite.core.journal import Journal, SystemClock\n"
        "from certsuite.evidence.record import RecordWriter\n"
        "journal = Journal(SystemClock()); journal.subscribe(RecordWriter(Path(sys.argv[1])))\n"
        "for number in range(10**9):\n"
        "    journal.record(Note('x' * 200))\n"
        "    if number == 50: print('going', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"going\n"
        process.send_signal(signal.SIGKILL)
    record = read_record(path)
    assert len(record.observations) > 50
    assert not record.complete


def test_a_full_disk_is_reported_once_and_what_is_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    # A limit on the size of files behaves as a full disk does: a short write, then an error.
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from certsuite.core.errors import RecordError\n"
        "from certsuite.core.events import Note\n"
        "from certsuite.core.journal import Journal, SystemClock\n"
        "from certsuite.evidence.record import RecordWriter\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "writer = RecordWriter(Path(sys.argv[1]))\n"
        "journal = Journal(SystemClock()); journal.subscribe(writer)\n"
        "for number in range(20):\n"
        "    try: journal.record(Note('x' * 100))\n"
        "    except RecordError as error: print(error)\n"
        "writer.sync(); writer.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"the record {path} cannot be written: File too large\n"
    record = read_record(path)
    assert path.stat().st_size == 1000
    assert record.torn
    assert len(record.observations) >= 3


def test_no_space_left_is_named() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this machine has no /dev/full")
    with RecordWriter(Path("/dev/full")) as writer:
        journal = Journal(SystemClock())
        journal.subscribe(writer)
        with pytest.raises(RecordError, match="/dev/full cannot be written: No space left on device"):
            journal.record(Note("x"))
        journal.record(Note("y"))
        assert writer.failure is not None


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"kind":"no-such-kind"}', "\xff"])
def test_damage_in_the_middle_is_named_with_its_place(tmp_path: Path, line: str) -> None:
    path = tmp_path / "record.jsonl"
    write_segment(path, events=2, complete=True)
    lines = path.read_bytes().split(b"\n")
    lines[1] = line.encode("latin-1")
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(RecordError, match=r"record\.jsonl:2: "):
        read_record(path)


def test_a_missing_line_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    write_segment(path, events=2, complete=True)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(lines[:1] + lines[2:]))
    with pytest.raises(RecordError, match=r"record\.jsonl:2: number 2 follows number 0"):
        read_record(path)


def test_a_record_is_not_mixed_with_another_run(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    write_segment(path, events=1, complete=True)
    with pytest.raises(RecordError, match="holds a run already"):
        RecordWriter(path)


def test_a_record_has_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    with RecordWriter(path), pytest.raises(RecordError, match="being written by another process"):
        RecordWriter(path)


def test_places_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"missing/record\.jsonl cannot be written: No such file"):
        RecordWriter(tmp_path / "missing" / "record.jsonl")
    with pytest.raises(RecordError, match=r"record\.jsonl cannot be read: No such file"):
        read_record(tmp_path / "record.jsonl")
    (tmp_path / "record.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordError, match="cannot be written"):
        RecordWriter(tmp_path / "record.jsonl")
    with pytest.raises(RecordError, match="cannot be written"):
        append_judgement(tmp_path / "missing", {})


def test_judgements_are_added_and_never_rewritten(tmp_path: Path) -> None:
    assert read_judgements(tmp_path) == ()
    append_judgement(tmp_path, {"case": "WXC-TLS-010", "by": "Zoë\x1b"})
    append_judgement(tmp_path, {"case": "WXC-TLS-020"})
    assert [judgement["case"] for judgement in read_judgements(tmp_path)] == ["WXC-TLS-010", "WXC-TLS-020"]
    assert b"\x1b" not in (tmp_path / "judgements.jsonl").read_bytes()
    for wrong in ("[]\n", "{\n"):
        (tmp_path / "judgements.jsonl").write_text(wrong)
        with pytest.raises(RecordError, match=r"judgements\.jsonl:1: no JSON"):
            read_judgements(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("case", ""),
        ("variant", None),
        ("verdict", "error"),
        ("by", ""),
        ("at", "yesterday"),
        ("evidence", "../../elsewhere"),
        ("evidence", "javascript:alert(1)"),
        ("sha256", 7),
    ],
)
def test_a_review_is_whole_or_the_file_is_damaged(tmp_path: Path, field: str, value: object) -> None:
    review: dict[str, object] = {
        "kind": "review",
        "case": "WXC-TLS-010",
        "variant": "",
        "verdict": "warn",
        "by": "A. Tester",
        "at": "2026-11-22T08:00:00.000000Z",
        "evidence": "evidence/reviews/0123456789abcdef.jpg",
        "sha256": "0123456789abcdef" * 4,
    }
    append_judgement(tmp_path, review)
    assert read_judgements(tmp_path) == (review,)
    append_judgement(tmp_path, {**review, field: value})
    with pytest.raises(RecordError, match=rf"judgements\.jsonl:2: a review's {field} is "):
        read_judgements(tmp_path)
