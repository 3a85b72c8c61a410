"""The verdict about a root, from a record of a probe's answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.errors import RecordError
from certsuite.core.events import RootProbeAnswer
from certsuite.core.findings import Judgement

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

ROOT = "5D56" * 16
SPOOF, BAD = ("spoof", "TLSv1.2"), ("bad-signature", "TLSv1.2")
SHOWN = {"unknown": 48, "trusted": 51, "probed": 51}
ABSENT = {**SHOWN, "probed": 48}


def ask(**changes: Any) -> dict[str, Any]:
    """What the check is asked with."""
    asked = {"root": ROOT, "name": "Some Root", "modes": ["spoof TLSv1.2"], "rounds": 2, "store": "system"}
    return {**asked, "chain": "none", **changes}


def answer(
    trace: Trace, mode: tuple[str, str], role: str, number: int, alert: int | None, *, root: str = ROOT, **more: Any
) -> None:
    """One connection is answered, by an alert or otherwise."""
    technique, version = mode
    event = RootProbeAnswer(
        root, technique, version, role, number, more.pop("answer", "alert"), alert, after_s=0.01, **more
    )
    trace.see(event, flow="f1", edge="root-probe")


def probe(
    trace: Trace, alerts: Mapping[str, int], mode: tuple[str, str] = SPOOF, *, rounds: int = 2, **more: Any
) -> None:
    """Every chain of a mode is answered by these alerts."""
    for number in range(rounds):
        for role, alert in alerts.items():
            answer(trace, mode, role, number, alert, **more)


def told(judgement: Judgement) -> str:
    return judgement.reason or judgement.findings[0].observed


def test_a_root_that_is_answered_as_the_trusted_one_passes(trace: Trace) -> None:
    probe(trace, SHOWN)
    judgement = trace.passes("trust.root", **ask())
    assert [one.seq for one in judgement.evidence] == [2, 5], "the probed root's answers"
    assert [(one.name, one.value) for one in judgement.measurements] == [("root_probe_modes_that_tell", 1)]


def test_a_root_that_is_answered_as_the_unknown_one_fails_with_the_reasoning(trace: Trace) -> None:
    probe(trace, ABSENT)
    probe(trace, {"unknown": 42, "trusted": 42, "probed": 42}, BAD)
    modes = ["spoof TLSv1.2", "bad-signature TLSv1.2"]
    observed = told(trace.fails("trust.root", "tls-root-not-trusted", settled=False, **ask(modes=modes)))
    assert observed.startswith("the device does not trust Some Root: shown by spoof TLSv1.2; ")
    assert "spoof TLSv1.2: unknown root: alert 48 (unknown_ca); trusted root: alert 51" in observed
    assert "bad-signature TLSv1.2: unknown root: alert 42 (bad_certificate)" in observed
    assert "\n" not in observed


def test_answers_about_another_root_do_not_count(trace: Trace) -> None:
    probe(trace, ABSENT, root="45140B32" * 8)
    trace.is_open("trust.root", "never-connected", **ask())
    probe(trace, SHOWN)
    trace.passes("trust.root", **ask())


@pytest.mark.parametrize("alerts", [SHOWN, ABSENT])
def test_a_store_that_the_lab_has_replaced_says_nothing(trace: Trace, alerts: Mapping[str, int]) -> None:
    probe(trace, alerts)
    judgement = trace.is_open("trust.root", "store-replaced", **ask(store="none"))
    assert "takes the place of the store" in judgement.reason
    assert "spoof TLSv1.2: unknown root" in judgement.reason
    assert "this machine has no bundle" in trace.is_open("trust.root", "store-replaced", **ask(store="missing")).reason


def test_a_device_that_takes_an_unknown_root_cannot_be_asked(trace: Trace) -> None:
    for number in range(2):
        for role in SHOWN:
            answer(trace, SPOOF, role, number, None, answer="application-data", established=True)
    reason = trace.is_open("trust.root", "accepts-unknown-root", **ask()).reason
    assert "sent data under a root that nobody knows" in reason
    assert "WXC-TLS-100" in reason


@pytest.mark.parametrize(
    ("chain", "help_"), [("none", "--chain FILE"), ("expired", "not valid by the device's clock"), ("valid", "")]
)
def test_a_mute_device_is_open_and_what_is_left_is_named(trace: Trace, chain: str, help_: str) -> None:
    probe(trace, {"unknown": 42, "trusted": 42, "probed": 42})
    reason = trace.is_open("trust.root", "root-not-told", **ask(chain=chain)).reason
    assert "The controls are alike" in reason
    assert "read the device's trust store over a driver" in reason
    assert reason.endswith("to the real service") if not help_ else help_ in reason


def test_an_unsteady_device_is_open(trace: Trace) -> None:
    probe(trace, SHOWN)
    answer(trace, SPOOF, "probed", 1, 48)
    assert "not always answered alike" in trace.is_open("trust.root", "root-not-told", **ask()).reason


def test_modes_that_disagree_are_open(trace: Trace) -> None:
    probe(trace, SHOWN)
    probe(trace, ABSENT, BAD)
    modes = ["spoof TLSv1.2", "bad-signature TLSv1.2"]
    assert "the modes disagree" in trace.is_open("trust.root", "root-not-told", **ask(modes=modes)).reason


def test_a_mode_counts_only_if_it_was_asked_in_every_round(trace: Trace) -> None:
    probe(trace, SHOWN, rounds=1)
    # A device that comes twice in one round has not been asked in the other one.
    probe(trace, SHOWN, rounds=1)
    reason = trace.is_open("trust.root", "root-not-told", **ask()).reason
    assert "spoof TLSv1.2: the unknown root was answered in 1 of 2 rounds" in reason


def test_a_mode_that_was_planned_and_never_answered_is_told(trace: Trace) -> None:
    probe(trace, ABSENT)
    modes = ["spoof TLSv1.2", "pause TLSv1.3"]
    observed = told(trace.fails("trust.root", "tls-root-not-trusted", settled=False, **ask(modes=modes)))
    assert "pause TLSv1.3: the unknown root was answered in 0 of 2 rounds" in observed


def test_what_another_version_wrote_is_an_error_of_the_record(trace: Trace) -> None:
    probe(trace, SHOWN)
    with pytest.raises(RecordError, match="asked by 'new TLS'"):
        trace.judge("trust.root", **ask(modes=["new TLS"]))
    answer(trace, SPOOF, "probed", 0, None, answer="shrug")
    with pytest.raises(RecordError, match="answer 'shrug'"):
        trace.judge("trust.root", **ask())
