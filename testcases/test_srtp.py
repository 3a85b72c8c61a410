"""SRTP by SDES: which crypto line is taken, what changes keys, what a stream of packets has to bear."""

from certsuite.bench import Bench, Phone, case


@case("WXC-MED-012", requirements=["MED-SDES-OFFER"])
async def test_each_offered_suite_works(bench: Bench, phone: Phone) -> None:
    """Each suite of the device's own offer carries audio both ways when it is the one that is taken."""
    for suite in await bench.colleague.suites_that_are_offered():
        await phone.dials(bench.colleague)
        call = await bench.colleague.is_called()
        await call.party_answers(taking=f"{suite} alone")
        await call.carries_audio_both_ways()
        await call.hangs_up()


@case("WXC-MED-014", requirements=["MED-SDES-BAD-ANSWER"])
async def test_gives_up_an_answer_that_fits_nothing(bench: Bench, phone: Phone) -> None:
    """The device ends a call whose answer names a suite that it did not offer."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    await call.party_answers(taking="a suite that was not offered")
    await call.media.gives_up_a_bad_answer()


@case("WXC-MED-022", requirements=["MED-SDES-ANSWER"])
async def test_takes_the_line_that_it_can_use(bench: Bench, phone: Phone) -> None:
    """Of an offer whose first crypto line is of no use the device takes the second one, by its tag."""
    call = await bench.colleague.calls(phone.line(1), offering="two suites")
    await call.media.is_answered_rightly()
    await call.carries_audio_both_ways()


@case("WXC-MED-024", requirements=["MED-SDES-ANSWER"])
async def test_answers_by_tag(bench: Bench, phone: Phone) -> None:
    """Of two lines of one suite, with tags out of the usual, the device takes one by its tag and uses its key."""
    call = await bench.colleague.calls(phone.line(1), offering="one suite twice")
    await call.media.is_answered_rightly()
    await call.carries_audio_both_ways()


@case("WXC-MED-032", requirements=["MED-NO-PLAIN-RTP"])
async def test_plain_rtp_with_keys(bench: Bench, phone: Phone) -> None:
    """An offer of RTP/AVP with crypto lines is refused, or taken with the keys."""
    call = await bench.colleague.calls(phone.line(1), offering="plain RTP with keys")
    await call.media.is_taken_or_refused()


@case("WXC-MED-034", requirements=["MED-SAVPF"])
async def test_srtp_with_feedback(bench: Bench, phone: Phone) -> None:
    """An offer of RTP/SAVPF is refused, or taken as RTP/SAVPF and used."""
    call = await bench.colleague.calls(phone.line(1), offering="SRTP with feedback")
    await call.media.is_taken_or_refused()


@case("WXC-MED-040", variant="aes-cm-128-sha1-32", requirements=["MED-SDES-ALONE"])
async def test_short_tags_alone(bench: Bench, phone: Phone) -> None:
    """AES_CM_128_HMAC_SHA1_32 alone is refused, or taken and used."""
    call = await bench.colleague.calls(phone.line(1), offering="AES_CM_128_HMAC_SHA1_32 alone")
    await call.media.is_taken_or_refused(suite="AES_CM_128_HMAC_SHA1_32")


@case("WXC-MED-040", variant="aes-cm-256", requirements=["MED-SDES-ALONE"])
async def test_long_keys_alone(bench: Bench, phone: Phone) -> None:
    """AES_256_CM_HMAC_SHA1_80 alone is refused, or taken and used."""
    call = await bench.colleague.calls(phone.line(1), offering="AES_256_CM_HMAC_SHA1_80 alone")
    await call.media.is_taken_or_refused(suite="AES_256_CM_HMAC_SHA1_80")


@case("WXC-MED-040", variant="aead-128", requirements=["MED-SDES-ALONE"])
async def test_aead_alone(bench: Bench, phone: Phone) -> None:
    """AEAD_AES_128_GCM alone is refused, or taken and used."""
    call = await bench.colleague.calls(phone.line(1), offering="AEAD_AES_128_GCM alone")
    await call.media.is_taken_or_refused(suite="AEAD_AES_128_GCM")


@case("WXC-MED-040", variant="aead-256", requirements=["MED-SDES-ALONE"])
async def test_aead_with_long_keys_alone(bench: Bench, phone: Phone) -> None:
    """AEAD_AES_256_GCM alone is refused, or taken and used."""
    call = await bench.colleague.calls(phone.line(1), offering="AEAD_AES_256_GCM alone")
    await call.media.is_taken_or_refused(suite="AEAD_AES_256_GCM")


@case("WXC-MED-050", requirements=["MED-SRTP-KEYS"], needs="in-call")
async def test_takes_new_keys(bench: Bench, phone: Phone) -> None:
    """A re-INVITE brings a new key, and audio goes on under it."""
    media = bench.colleague.in_call.media
    await media.is_heard()
    await media.is_offered("new keys")
    media.notes("given a new key")
    await media.goes_on_after(
        "given a new key",
        finding="srtp-new-key-not-taken",
        what="a re-INVITE with a new key",
        hint="The device decrypts with the key of the first offer: each offer's key counts from its answer on.",
    )


@case("WXC-MED-052", requirements=["MED-SRTP-COUNTER"])
async def test_counts_on(bench: Bench, phone: Phone) -> None:
    """Sequence numbers roll over, and a re-INVITE with the same key follows: audio goes on both times."""
    call = await bench.colleague.calls(phone.line(1), rolls_over=True)
    await call.media.is_told_to_answer()
    await call.is_answered()
    await call.media.is_heard()
    await call.media.rolls_over()
    await call.media.goes_on_after(
        "rolled-over",
        finding="srtp-roll-over-lost",
        what="the sequence number rolled over",
        hint="The roll-over counter of RFC 3711 section 3.3.1 is missing: calls fall silent within 22 minutes.",
    )
    await call.media.is_offered("as Webex")
    call.media.notes("offered again")
    await call.media.goes_on_after(
        "offered again",
        finding="srtp-counter-restarted",
        what="a re-INVITE with the same key after a roll-over",
        hint="The roll-over counter belongs to the key: where the key stays, it goes on.",
    )


@case("WXC-MED-054", requirements=["MED-SRTP-REPLAY"], needs="in-call")
async def test_discards_replays(bench: Bench, phone: Phone) -> None:
    """Packets that are sent a second time are not heard a second time, and do no harm."""
    await bench.colleague.in_call.media.does_not_hear_a_replay()
