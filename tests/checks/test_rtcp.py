"""Reports of the device, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from certsuite.core.events import RtcpSeen
from certsuite.core.observations import IN, OUT
from certsuite.core.verdicts import Verdict
from tests.checks.good_media import CALL, answers_multiplexed, does, hears, opens, reports

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

LOSS: dict[str, Any] = {"kind": "x", "least": 4}


# --- rtcp.comes


def test_a_report_under_srtcp(trace: Trace) -> None:
    trace.is_open("rtcp.comes", "no-media")
    opens(trace)
    silent = trace.judge("rtcp.comes")
    assert (silent.verdict, silent.findings[0].id, silent.settled) == (Verdict.WARN, "rtcp-none", False)
    reports(trace, direction=OUT)
    assert trace.judge("rtcp.comes").verdict is Verdict.WARN, "the party's own are none of the device's"
    reports(trace)
    measured = trace.passes("rtcp.comes").measurements[0]
    assert (measured.name, measured.value) == ("rtcp_first", 0.6)


def test_in_the_clear_beside_srtp(trace: Trace) -> None:
    opens(trace)
    reports(trace, protection="none")
    reports(trace)
    trace.fails("rtcp.comes", "rtcp-in-the-clear")


def test_under_another_key(trace: Trace) -> None:
    opens(trace)
    reports(trace, protection="unknown", kinds=(), flaw="authentication failure")
    trace.fails("rtcp.comes", "rtcp-wrong-key", settled=False)
    reports(trace)
    trace.passes("rtcp.comes")


def test_not_in_its_form(trace: Trace) -> None:
    opens(trace)
    reports(trace, kinds=("SR",), flaw="it has no SDES with a CNAME")
    judged = trace.fails("rtcp.comes", "rtcp-not-compound")
    assert judged.findings[0].observed == "SR: it has no SDES with a CNAME"


# --- rtcp.never-in-the-clear


def test_a_bye_in_the_clear_at_the_end_of_a_call(trace: Trace) -> None:
    opens(trace)
    hears(trace, 700.0)
    reports(trace, protection="unknown", kinds=())
    trace.is_open("rtcp.never-in-the-clear", "no-rtcp")
    reports(trace)
    trace.passes("rtcp.never-in-the-clear")
    reports(trace, protection="none", kinds=("SR", "SDES"), call_id="another call", direction=OUT)
    reports(trace, protection="none", kinds=("APP",))
    reports(trace, protection="none", kinds=("BYE", "SDES"), cname="sip:1001@lab.invalid")
    (finding,) = trace.fails("rtcp.never-in-the-clear", "rtcp-in-the-clear").findings
    assert finding.observed == (
        "2 of 3 datagrams of RTCP in the clear though SRTP was agreed (1 of APP, 1 of BYE+SDES); the CNAME in it is "
        "sip:1001@lab.invalid"
    )


def test_a_call_whose_audio_is_in_the_clear_has_another_fault(trace: Trace) -> None:
    opens(trace)
    hears(trace, 0.0, packets=5, cleartext=1)
    reports(trace, protection="none")
    trace.is_open("rtcp.never-in-the-clear", "no-rtcp")


# --- rtcp.reports-loss


def lossy(trace: Trace, **changes: Any) -> None:
    opens(trace)
    does(trace, "x")
    reports(trace, **{"about_us": True, "withheld": 8, "reported_lost": 8, "sent_jitter_ms": 20.0, **changes})


def test_what_was_lost_is_reported(trace: Trace) -> None:
    opens(trace)
    reports(trace, about_us=True, withheld=9)
    trace.is_open("rtcp.reports-loss", "not-stimulated", **LOSS)
    does(trace, "x")
    trace.is_open("rtcp.reports-loss", "no-report", **LOSS)
    reports(trace, about_us=True, withheld=3)
    reports(trace, withheld=8)
    trace.is_open("rtcp.reports-loss", "no-report", **LOSS)
    reports(trace, about_us=True, withheld=8, reported_lost=7, sent_jitter_ms=20.0, reported_jitter_ms=22.0)
    assert [one.value for one in trace.passes("rtcp.reports-loss", **LOSS).measurements] == [7, 8, 22.0, 20.0]


def test_no_loss_reported(trace: Trace) -> None:
    lossy(trace, reported_lost=0)
    trace.fails("rtcp.reports-loss", "rtcp-reports-no-loss", **LOSS)


def test_other_figures_than_were_are_a_warning(trace: Trace) -> None:
    lossy(trace, reported_lost=20)
    judged = trace.judge("rtcp.reports-loss", **LOSS)
    assert (judged.verdict, judged.findings[0].id) == (Verdict.WARN, "rtcp-loss-wrong")


def test_jitter_in_other_units(trace: Trace) -> None:
    for reported in (0.0, 2500.0):
        lossy(trace, reported_jitter_ms=reported)
        judged = trace.judge("rtcp.reports-loss", **LOSS)
        assert (judged.verdict, judged.findings[0].id) == (Verdict.WARN, "rtcp-jitter-wrong")


# --- rtcp.where-agreed


def test_where_it_was_agreed(trace: Trace) -> None:
    trace.is_open("rtcp.where-agreed", "not-stimulated")
    answers_multiplexed(trace)
    trace.is_open("rtcp.where-agreed", "no-rtcp")
    reports(trace, multiplexed=False)
    trace.fails("rtcp.where-agreed", "rtcp-other-port")


def test_on_a_port_of_its_own_where_the_device_did_not_agree(trace: Trace) -> None:
    answers_multiplexed(trace, agrees=False)
    reports(trace, multiplexed=False)
    trace.passes("rtcp.where-agreed")


def test_on_one_port_where_the_device_did_not_agree(trace: Trace) -> None:
    answers_multiplexed(trace, agrees=False)
    reports(trace, multiplexed=True)
    trace.fails("rtcp.where-agreed", "rtcp-other-port")


def test_agreed_to_what_was_not_offered(trace: Trace) -> None:
    answers_multiplexed(trace, offers=False)
    trace.fails("rtcp.where-agreed", "rtcp-mux-not-offered")


# --- rtcp.rate


def test_too_many_reports(trace: Trace) -> None:
    for _ in range(5):
        reports(trace, after=0.1)
    trace.is_open("rtcp.rate", "too-few-reports")
    reports(trace, after=0.11)
    trace.fails("rtcp.rate", "rtcp-too-often")


def test_a_bye_comes_when_the_stream_ends(trace: Trace) -> None:
    for _ in range(3):
        reports(trace, after=5)
    trace.see(RtcpSeen(CALL, "127.9.0.1:19560", "srtcp", False, 110, ("SR", "SDES", "BYE")), flow="f1", direction=IN)
    measured = {one.name: one.value for one in trace.passes("rtcp.rate").measurements}
    assert measured == {"rtcp_rate": 205, "rtcp_interval": 5.0}
