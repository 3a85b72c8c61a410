"""How calls sounded, as the report tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import MediaOpened, MediaQuality, MediaWindow, RtcpSeen
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import IN, OUT, Observation
from certsuite.report.html import index_html
from certsuite.report.media import Report, gather_media

if TYPE_CHECKING:
    from tests.report.conftest import Run

CALL, LOCAL = "c1", "127.9.0.1:19560"


class Call:
    """Windows of a tenth of a second, one behind the other."""

    def __init__(self) -> None:
        self.journal = Journal(SystemClock())
        self._t_ns = 1_000_000_000
        opened = MediaOpened(CALL, LOCAL, "127.9.0.9:4000", "PCMA/8000", "AES_CM_128_HMAC_SHA1_80", 8)
        self.journal.record(opened, t_mono_ns=self._t_ns)

    def window(self, sent: float, heard: float, *, packets: int = 5, cleartext: int = 0) -> None:
        self._t_ns += 100_000_000
        pure = {"tone_level_dbfs": -12.0, "tone_purity": 0.9} if heard else {}
        values: dict[str, Any] = {"auth_failures": 0, "cleartext": cleartext, "source": "", **pure}
        event = MediaWindow(CALL, 0.1, packets, 0, tone_hz=heard, local=LOCAL, sent_tone_hz=sent, **values)
        self.journal.record(event, t_mono_ns=self._t_ns)

    def ends(self, codec: str = "PCMA/8000", lost: int = 0) -> list[Observation]:
        self.journal.record(MediaQuality(CALL, LOCAL, codec, 100, lost, 0, 0, 1.5, 2.0, 0.04, -2.5))
        return list(self.journal.since(0))


def test_a_call_with_its_figures_and_its_plot() -> None:
    call = Call()
    call.window(700, 0)
    call.window(700, 0)
    call.window(700, 700)
    call.window(700, 1500)
    call.window(700, 0, packets=0)
    table = gather_media(call.ends())
    assert table is not None
    (row,) = table.rows
    assert (row.codec, row.suite, row.packets, row.lost) == ("PCMA/8000", "AES_CM_128_HMAC_SHA1_80", 100, 0)
    assert row.round_trip_s == pytest.approx(0.2)
    assert row.skew_ms == -2.5
    # From what came first to a window's length; the other sound and the missing packets are silence.
    assert row.silence_s == pytest.approx(0.2)
    assert row.talk_path_s == pytest.approx(0.2)
    assert row.r == pytest.approx(93.2)
    assert row.mos == pytest.approx(4.41, abs=0.01)
    assert [bar.kind for bar in row.bars] == ["quiet", "quiet", "heard", "sound", "none"]
    assert row.bars[-1].x + row.bars[-1].width == pytest.approx(table.width, abs=0.5)


def test_loss_costs_and_a_wide_band_codec_has_no_score() -> None:
    call = Call()
    call.window(700, 700)
    lossy, wide = gather_media(call.ends(lost=5)), gather_media(call.ends("opus/48000"))
    assert lossy is not None
    assert wide is not None
    assert lossy.rows[0].r is not None
    assert lossy.rows[0].r < 80
    assert wide.rows[-1].r is None
    assert wide.rows[-1].mos is None


def test_without_a_tone_back_no_delay_is_known() -> None:
    call = Call()
    call.window(700, 0)
    table = gather_media(call.ends())
    assert table is not None
    assert (table.rows[0].round_trip_s, table.rows[0].talk_path_s, table.rows[0].r) == (None, None, None)
    assert table.rows[0].silence_s == pytest.approx(0.1)


def test_where_nothing_is_said_nothing_is_silent() -> None:
    call = Call()
    call.window(700, 0)
    call.window(700, 700)
    call.window(0, 0)
    call.window(0, 0)
    table = gather_media(call.ends())
    assert table is not None
    assert table.rows[0].silence_s == 0.0


def test_what_the_device_reports_of_the_other_way_stands_beside_it(run: Run) -> None:
    call = Call()
    call.window(700, 700)
    for lost, direction in ((1, IN), (3, IN), (9, OUT)):
        about: dict[str, Any] = {"about_us": True, "reported_jitter_ms": 2.5, "round_trip_ms": 1.25}
        report = RtcpSeen(CALL, LOCAL, "srtcp", False, 100, ("SR", "SDES"), reported_lost=lost, **about)
        call.journal.record(report, direction=direction)
    call.journal.record(RtcpSeen(CALL, LOCAL, "srtcp", False, 30, ("APP",)), direction=IN)
    table = gather_media(call.ends())
    assert table is not None
    assert table.rows[0].report == Report(3, 2.5, 1.25)
    page = index_html(run.result, {}, {}, media=table).decode()
    assert "3 packets lost on the way to it, jitter 2.5 ms, 1.2 ms there and back" in page


def test_a_stream_on_which_nothing_comes_is_shown() -> None:
    call = Call()
    call.window(700, 0, packets=0)
    table = gather_media(list(call.journal.since(0)))
    assert table is not None
    (row,) = table.rows
    assert (row.codec, row.packets, row.r, row.report) == ("PCMA/8000", 0, None, None)
    assert [bar.kind for bar in row.bars] == ["none"]


def test_a_call_in_which_nothing_is_played_is_not_drawn(run: Run) -> None:
    call = Call()
    call.window(0, 0, packets=0, cleartext=5)
    call.window(0, 0)
    table = gather_media(call.ends())
    assert table is not None
    assert table.rows == ()
    (row,) = table.unplayed
    assert (row.packets, row.in_the_clear, [bar.kind for bar in row.bars]) == (100, 5, ["clear", "quiet"])
    page = index_html(run.result, {}, {}, media=table).decode()
    assert "1 more stream, on which nothing was played" in page
    assert "100, 5 in the clear" in page
    assert '<rect class="quiet"' not in page


def test_a_record_without_audio_has_no_table() -> None:
    assert gather_media(list(Call().journal.since(0))) is None


def test_the_page_draws_it(run: Run) -> None:
    call = Call()
    call.window(700, 700)
    page = index_html(run.result, {}, {}, media=gather_media(call.ends())).decode()
    assert "How calls sounded" in page
    assert '<rect class="heard"' in page
    assert "How calls sounded" not in index_html(run.result, {}, {}).decode()
