"""TLS: the handshake itself, when the edge is slow, unusual, broken or not what it seems."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import EACH_PLACE, THERE_AND_BACK, TWICE_AGAIN, Deferred


@case("WXC-TLS-022", requirements=["TLS-MIN-1.2"], disturbs=["registration"], reconnects=THERE_AND_BACK)
async def test_does_not_follow_an_answer_in_tls11(bench: Bench, phone: Phone) -> Deferred:
    """An edge that answers in TLS 1.1, although a newer version was offered, is not followed."""
    await bench.primary.answers_as_if("TLSv1.1")
    await phone.connects_anew()
    await bench.primary.is_not_followed(
        offering=["TLSv1.2", "TLSv1.3"],
        finding="tls-followed-old-version",
        what="answers in TLS 1.1 whatever is offered",
        hint="Set the lowest TLS version of the device to 1.2: an answer below that is protocol_version (70).",
    )
    await bench.primary.comes_back()
    await bench.device_takes_the_good_primary()
    return bench.over_the_whole_run("net.no-cleartext")


@case("WXC-TLS-024", requirements=["TLS-DOWNGRADE"], disturbs=["registration"], reconnects=THERE_AND_BACK)
async def test_heeds_the_mark_of_a_downgrade(bench: Bench, phone: Phone) -> None:
    """A device that offers TLS 1.3 breaks off where the answer is TLS 1.2 with the mark of a downgrade."""
    bench.is_for_devices_that_offer("TLSv1.3")
    bench.is_for_devices_that_offer("TLSv1.2")
    await bench.primary.answers_as_if("TLSv1.2")
    await phone.connects_anew()
    await bench.primary.is_not_followed(
        offering=["TLSv1.3"],
        finding="tls-ignored-downgrade-mark",
        what="marks in its random that TLS 1.3 was taken out of the ClientHello",
        hint="RFC 8446 section 4.1.3 asks for alert illegal_parameter (47). Take a newer TLS library.",
    )
    await bench.primary.comes_back()
    await bench.device_takes_the_good_primary()


@case("WXC-TLS-152", requirements=["TLS-FRAGMENTS"], disturbs=["registration"], reconnects=THERE_AND_BACK)
async def test_understands_small_records(bench: Bench, phone: Phone) -> None:
    """With an edge whose handshake records have 16 bytes, and then one byte each, the handshake completes."""
    bench.is_for_devices_that_offer("TLSv1.2")
    for size in bench.small_record_sizes:
        await bench.primary.sends_records_of(size)
        await phone.connects_anew()
        await bench.primary.completes(
            finding="tls-fails-on-fragments",
            what="spreads its handshake over small records",
            hint="The TLS library does not put handshake messages together; no setting helps, but a newer one may.",
        )


@case(
    "WXC-TLS-154",
    requirements=["TLS-SLOW"],
    disturbs=["registration"],
    reconnects=THERE_AND_BACK,
    waits=["slow-handshake", "time-out"],
)
async def test_endures_a_slow_handshake_and_gives_up_a_stalled_one(bench: Bench, phone: Phone) -> None:
    """A handshake that comes slowly completes, and one that stops after the ServerHello is given up."""
    await bench.primary.answers_slowly()
    await phone.connects_anew()
    await bench.primary.completes(
        finding="tls-gives-up-slow-handshake",
        what="is slow in the handshake",
        hint="Lengthen the device's time-out for connections: some seconds are usual on a slow link.",
        at_most="warn",
    )
    await bench.primary.stalls()
    await phone.connects_anew()
    await bench.primary.is_given_up()


@case(
    "WXC-TLS-156",
    requirements=["TLS-RESUMPTION"],
    disturbs=["registration"],
    reconnects=TWICE_AGAIN,
    waits=["own-retry", "own-retry"],
)
async def test_connects_where_its_session_is_forgotten(bench: Bench, phone: Phone) -> None:
    """Whether sessions are resumed is recorded; a device that offers one also connects where it is not known."""
    await bench.device_takes_the_good_primary()
    await bench.edges_end_all_flows()
    await bench.expect_after_its_own_retry("tls.resumption", edge="primary")
    await bench.primary.forgets_sessions()
    await bench.edges_end_all_flows()
    await bench.primary.completes(
        finding="tls-insists-on-session",
        what="does not know the device's session any more",
        hint="A session that the server does not resume means a full handshake, and no failure.",
        at_most="warn",
    )


@case("WXC-TLS-170", requirements=["TLS-ROOT-SWAP"], disturbs=["registration"], waits=["own-retry"])
async def test_goes_on_under_another_trusted_root(bench: Bench, phone: Phone) -> None:
    """When the edges move to another root that the device was given, it reconnects and goes on."""
    bench.needs_both_roots_given()
    await bench.primary.presents("other-trusted-root")
    await bench.secondary.presents("other-trusted-root")
    await bench.edges_end_all_flows()
    await bench.expect_after_its_own_retry(
        "tls.completes-so",
        manner="",
        presentation="other-trusted-root",
        finding="tls-refused-other-root",
        what="presents a chain under another root that the device was given",
        hint="Do not pin the certificate or the root of the first connection: Webex has changed its root before.",
    )


@case(
    "WXC-TLS-172",
    requirements=["TLS-VERIFY-CHAIN"],
    disturbs=["registration"],
    reconnects=THERE_AND_BACK,
    waits=["own-retry"],
)
async def test_fails_closed_under_an_untrusted_root(bench: Bench, phone: Phone) -> Deferred:
    """When the edges move to a root that the device does not know, a device that was registered sends them no SIP."""
    await bench.primary.presents("unknown-root")
    await bench.secondary.presents("unknown-root")
    await bench.edges_end_all_flows()
    await bench.primary.is_refused(
        finding="tls-verified-once",
        what="a chain under an unknown root, where it was registered before",
        hint="Verify the chain in each handshake, not only in the first.",
    )
    await bench.primary.comes_back()
    await bench.secondary.comes_back()
    await bench.device_takes_the_good_primary()
    return bench.over_the_whole_run("net.no-cleartext")


@case(
    "WXC-TLS-210",
    requirements=["TLS-BROKEN-OFF"],
    disturbs=["registration"],
    reconnects=EACH_PLACE,
    waits=["own-retry"],
)
async def test_survives_handshakes_that_are_broken_off(bench: Bench, phone: Phone) -> Deferred:
    """After a handshake that the edge breaks off, the device registers elsewhere or again, and never in the clear."""
    await bench.handshakes_break_off(bench.primary, places=bench.places_of_a_handshake)
    await bench.handshakes_break_off(bench.primary, bench.secondary, places=bench.middle_of_a_handshake)
    return bench.over_the_whole_run("net.no-cleartext")


@case("WXC-TLS-190", requirements=["TLS-CLOCK"], disturbs=["registration"], waits=["own-retry"])
async def test_clock_is_set_later(bench: Bench, phone: Phone) -> None:
    """A device that starts with a clock of 1970 registers once its clock is set."""
    await bench.clock.is_of_1970_and_set_later()
    await bench.expect_after_its_own_retry("tls.comes-with-its-clock", lines=bench.device.profile.lines)
