"""The terms that cases ask for by name."""

from __future__ import annotations

from certsuite.bench.media_terms import PLAYABLE, TERMS


def test_each_suite_that_a_party_can_play_can_be_had_alone() -> None:
    for suite in PLAYABLE:
        assert TERMS[f"{suite} alone"].suites == (suite,)


def test_each_codec_alone_has_events_beside_it() -> None:
    for codec in ("PCMU", "PCMA", "G722", "G729", "opus"):
        names = [one.name for one in TERMS[f"{codec} alone"].formats]
        assert names == [codec, "telephone-event", "telephone-event"]


def test_tags_have_their_suites() -> None:
    assert all(len(terms.tags) in (0, len(terms.suites)) for terms in TERMS.values())
