"""Media: SRTP alone, digits, hold."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-MED-010", requirements=["MED-SRTP"])
async def test_offers_srtp(bench: Bench, phone: Phone) -> None:
    """The device's own offer is RTP/SAVP with AES_CM_128_HMAC_SHA1_80."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    await call.offers_srtp()


@case("WXC-MED-018", requirements=["MED-CLAIMS"])
async def test_offers_what_it_claims(bench: Bench, phone: Phone) -> Deferred:
    """Over the whole run the device's own offers have the codecs and suites that its profile claims, and no others."""
    return bench.over_the_whole_run("media.offers-as-claimed", **phone.media_claims)


@case("WXC-MED-020", requirements=["MED-SRTP"], needs="in-call")
async def test_answers_with_srtp(bench: Bench, phone: Phone) -> None:
    """The offer of the access SBC is answered with SRTP, and what the device sends is under the key that it gave."""
    await bench.colleague.in_call.is_under_srtp()


@case("WXC-MED-030", requirements=["MED-NO-PLAIN-RTP"])
async def test_refuses_an_offer_without_srtp(bench: Bench, phone: Phone) -> None:
    """An offer of plain RTP is refused, before or when the call is answered."""
    call = await bench.colleague.calls(phone.line(1), offering="plain RTP")
    await call.is_refused()


@case("WXC-MED-090", requirements=["MED-DTMF"], claims=["dtmf"], needs="in-call")
async def test_sends_digits_as_events(bench: Bench, phone: Phone) -> None:
    """Digits pressed in a call arrive as telephone-events, each long enough and properly ended."""
    digits = bench.some_digits()
    await phone.presses(digits)
    await bench.colleague.in_call.brings_digits(digits)


@case("WXC-MED-094", requirements=["MED-DTMF-RECEIVED"], claims=["dtmf"], needs="in-call")
async def test_receives_digits(bench: Bench, phone: Phone) -> None:
    """Digits that the far end sends as telephone-events are received, each once and in order."""
    await bench.colleague.in_call.media.brings_digits_to_the_device()


@case("WXC-MED-060", requirements=["MED-SYMMETRIC"], needs="in-call")
async def test_sends_from_where_it_receives(bench: Bench, phone: Phone) -> None:
    """Media comes from the port that the device's SDP names."""
    call = bench.colleague.in_call
    await call.is_under_srtp()
    await call.media.comes_from_where_it_is_received()


@case("WXC-MED-062", requirements=["MED-MOVED"], needs="in-call")
async def test_follows_to_another_place(bench: Bench, phone: Phone) -> None:
    """The far end moves to another port in a re-INVITE, and audio crosses there."""
    media = bench.colleague.in_call.media
    await media.is_heard()
    await media.follows_to_another_place()


@case("WXC-MED-064", requirements=["MED-FIRST"])
async def test_sends_first(bench: Bench, phone: Phone) -> None:
    """The device sends from its answer on, to a far end that waits for what comes before it sends."""
    call = await bench.colleague.calls(phone.line(1), offering="latching")
    await call.media.is_answered_rightly()
    await call.media.comes_first()


@case("WXC-MED-070", variant="pcmu", requirements=["MED-CODEC-NARROW", "MED-CLEAN"], claims=["codecs.PCMU"])
async def test_pcmu(bench: Bench, phone: Phone) -> None:
    """Audio crosses both ways in PCMU."""
    call = await bench.colleague.talks_in("PCMU", phone)
    await call.media.crosses_whole()


@case("WXC-MED-070", variant="pcma", requirements=["MED-CODEC-NARROW", "MED-CLEAN"], claims=["codecs.PCMA"])
async def test_pcma(bench: Bench, phone: Phone) -> None:
    """Audio crosses both ways in PCMA."""
    call = await bench.colleague.talks_in("PCMA", phone)
    await call.media.crosses_whole()


@case("WXC-MED-080", variant="g722", requirements=["MED-CODEC-OTHER", "MED-CLEAN"], claims=["codecs.G722"])
async def test_g722(bench: Bench, phone: Phone) -> None:
    """Audio crosses both ways in G.722."""
    call = await bench.colleague.talks_in("G722", phone)
    await call.media.crosses_whole()


@case("WXC-MED-080", variant="opus", requirements=["MED-CODEC-OTHER", "MED-CLEAN"], claims=["codecs.opus"])
async def test_opus(bench: Bench, phone: Phone) -> None:
    """Audio crosses both ways in opus."""
    call = await bench.colleague.talks_in("opus", phone)
    await call.media.crosses_whole()


@case("WXC-MED-080", variant="g729", requirements=["MED-CODEC-OTHER"], claims=["codecs.G729"])
async def test_g729(bench: Bench, phone: Phone) -> None:
    """Audio crosses both ways in G.729."""
    await bench.colleague.talks_in("G729", phone)


@case("WXC-MED-092", requirements=["MED-DTMF"], claims=["dtmf", "codecs.opus"])
async def test_sends_digits_beside_opus(bench: Bench, phone: Phone) -> None:
    """Beside opus digits are telephone-events as well, whose clock is that of opus."""
    digits = bench.some_digits()
    call = await bench.colleague.talks_in("opus", phone)
    await phone.presses(digits)
    await call.brings_digits(digits)


@case("WXC-MED-102", requirements=["MED-FAR-HOLD"], needs="in-call")
async def test_is_held_by_the_far_end(bench: Bench, phone: Phone) -> None:
    """The far end holds the call by sendonly, by inactive and by 0.0.0.0: each time it falls silent and goes on."""
    media = bench.colleague.in_call.media
    await media.is_heard()
    await media.is_held_and_resumed("hold")
    await media.is_held_and_resumed("hold without music")
    await media.is_held_and_resumed("hold as of old")


@case("WXC-MED-104", requirements=["MED-CODEC-CHANGE"], claims=["codecs.PCMU", "codecs.PCMA"], needs="in-call")
async def test_changes_codecs(bench: Bench, phone: Phone) -> None:
    """Re-INVITEs bring one law of G.711 and then the other, and audio goes on in each."""
    media = bench.colleague.in_call.media
    await media.is_heard()
    await media.changes_codec("PCMU alone")
    await media.changes_codec("PCMA alone")


@case("WXC-MED-110", requirements=["MED-EARLY"])
async def test_early_media_and_another_answer(bench: Bench, phone: Phone) -> None:
    """A 183 brings an announcement from one place, the 200 an answer from another: audio crosses by the latter."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    call.media.is_early()
    await call.media.announces()
    await call.party_answers()
    await phone.echoes_again()
    await call.carries_audio_both_ways()


@case("WXC-MED-120", requirements=["MED-LATE-OFFER"])
async def test_makes_the_offer_when_it_is_asked_to(bench: Bench, phone: Phone) -> None:
    """An INVITE without an offer is answered with one, by SRTP, and audio crosses both ways."""
    call = await bench.colleague.calls(phone.line(1), offering="no offer")
    await call.media.is_told_to_answer()
    await call.media.offers_late()
    await call.carries_audio_both_ways()


@case("WXC-MED-130", requirements=["MED-SOURCE"], needs="in-call")
async def test_bears_another_source(bench: Bench, phone: Phone) -> None:
    """The far end's SSRC changes within the call, and audio goes on."""
    media = bench.colleague.in_call.media
    await media.is_heard()
    await media.bears_another_source()


@case("WXC-MED-190", requirements=["MED-COMFORT-NOISE"])
async def test_bears_comfort_noise(bench: Bench, phone: Phone) -> None:
    """The far end falls silent and says so by comfort noise, and audio goes on when it speaks again."""
    call = await bench.colleague.calls(phone.line(1), offering="comfort noise")
    await call.media.is_answered_rightly()
    await call.media.is_heard()
    await call.media.bears_comfort_noise()


@case("WXC-MED-140", requirements=["MED-BAD-NETWORK"], needs="in-call")
async def test_bears_a_bad_network(bench: Bench, phone: Phone) -> None:
    """Packets to the device are lost, doubled, swapped and late, and audio goes on."""
    media = bench.colleague.in_call.media
    await media.is_heard()
    await media.bears_a_bad_network()


@case("WXC-MED-086", variant="10", requirements=["MED-PTIME"])
async def test_short_packets(bench: Bench, phone: Phone) -> None:
    """Packets of 10 ms are heard."""
    await bench.colleague.talks_with("packets of 10 ms", phone)


@case("WXC-MED-086", variant="30", requirements=["MED-PTIME"])
async def test_packets_of_another_length(bench: Bench, phone: Phone) -> None:
    """Packets of 30 ms are heard."""
    await bench.colleague.talks_with("packets of 30 ms", phone)


@case("WXC-MED-086", variant="60", requirements=["MED-PTIME"])
async def test_long_packets(bench: Bench, phone: Phone) -> None:
    """Packets of 60 ms are heard."""
    await bench.colleague.talks_with("packets of 60 ms", phone)


@case("WXC-MED-160", requirements=["MED-ICE"])
async def test_candidates_in_the_offer(bench: Bench, phone: Phone) -> None:
    """ICE candidates of the far end do no harm to the audio, which goes where the offer's own address is."""
    call = await bench.colleague.calls(phone.line(1), offering="ICE candidates")
    await call.media.is_answered_rightly()
    await call.is_heard()


@case("WXC-MED-170", requirements=["MED-VIDEO"])
async def test_video_beside_the_audio(bench: Bench, phone: Phone) -> None:
    """Video that is offered beside the audio does no harm to it."""
    call = await bench.colleague.calls(phone.line(1), offering="video as well")
    await call.media.is_told_to_answer()
    await call.is_answered()
    await call.carries_audio_both_ways()


@case("WXC-MED-100", requirements=["MED-HOLD"], claims=["hold"], needs="in-call")
async def test_holds_and_resumes(bench: Bench, phone: Phone) -> None:
    """The device puts a call on hold and takes it back, and audio flows again under SRTP."""
    call = bench.colleague.in_call
    await call.is_heard()
    await phone.holds()
    await call.is_held()
    await phone.resumes()
    await call.is_resumed()
