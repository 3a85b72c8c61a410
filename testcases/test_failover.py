"""Failover: the secondary, and the way back, by the phase in which the device meets the failure."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-FO-005", requirements=["FO-SECONDARY"], disturbs=["registration"])
async def test_uses_the_secondary_when_the_primary_refuses(bench: Bench, phone: Phone) -> None:
    """When the primary refuses connections, the device registers at the secondary."""
    await bench.primary.refuses_connections()
    await phone.reconnects()
    await bench.failover.uses_the_secondary()


# --- at rest


@case("WXC-FO-010", variant="reset", requirements=["FO-SECONDARY"], disturbs=["registration"], waits=["way-back"])
async def test_moves_on_when_its_connection_is_reset(bench: Bench, phone: Phone) -> None:
    """When the primary resets its connection at rest and refuses new ones, the device registers at the secondary."""
    await bench.failover.meets("reset")


@case("WXC-FO-010", variant="closed", requirements=["FO-SECONDARY"], disturbs=["registration"], waits=["way-back"])
async def test_moves_on_when_its_connection_is_closed(bench: Bench, phone: Phone) -> None:
    """When the primary closes its connection at rest and refuses new ones, the device registers at the secondary."""
    await bench.failover.meets("closed")


@case(
    "WXC-FO-010",
    variant="forgotten",
    requirements=["FO-FORGOTTEN"],
    disturbs=["registration"],
    waits=["refresh", "time-out", "way-back"],
)
async def test_notices_a_forgotten_connection(bench: Bench, phone: Phone) -> None:
    """When the primary has forgotten the connection without a word, the device registers over another one."""
    await bench.failover.meets("forgotten", elsewhere=False)


@case(
    "WXC-FO-010",
    variant="packets-lost",
    requirements=["FO-SECONDARY"],
    disturbs=["registration"],
    waits=["refresh", "time-out", "way-back"],
)
async def test_moves_on_when_packets_are_lost(bench: Bench, phone: Phone) -> None:
    """When every packet to the primary is lost, the device registers at the secondary."""
    bench.needs_cutting_off()
    await bench.failover.meets("packets dropped")


@case(
    "WXC-FO-010",
    variant="address-lost",
    requirements=["FO-SECONDARY"],
    disturbs=["registration"],
    waits=["time-out", "way-back"],
)
async def test_moves_on_when_the_address_is_lost(bench: Bench, phone: Phone) -> None:
    """When the primary's address is gone from the network, the device registers at the secondary."""
    bench.needs_cutting_off()
    await bench.failover.meets("address lost")


# --- while it connects


@case(
    "WXC-FO-020",
    variant="syn-lost",
    requirements=["FO-HANDSHAKE"],
    disturbs=["registration"],
    waits=["time-out", "way-back"],
)
async def test_moves_on_when_no_syn_is_answered(bench: Bench, phone: Phone) -> None:
    """When the primary answers no SYN, the device registers at the secondary."""
    await bench.failover.meets("syn-lost")


@case(
    "WXC-FO-020",
    variant="tcp-silent",
    requirements=["FO-HANDSHAKE"],
    disturbs=["registration"],
    waits=["time-out", "way-back"],
)
async def test_moves_on_when_no_client_hello_is_answered(bench: Bench, phone: Phone) -> None:
    """When the primary accepts TCP and is silent, the device registers at the secondary."""
    await bench.failover.meets("tcp-silent")


@case(
    "WXC-FO-020",
    variant="tls-stalled",
    requirements=["FO-HANDSHAKE"],
    disturbs=["registration"],
    waits=["time-out", "way-back"],
)
async def test_moves_on_when_the_handshake_stalls(bench: Bench, phone: Phone) -> None:
    """When the primary's handshake stalls after the ServerHello, the device registers at the secondary."""
    await bench.failover.meets("tls-stalled")


@case("WXC-FO-050", requirements=["FO-CERTIFICATE"], disturbs=["registration"], waits=["way-back"])
async def test_moves_on_when_the_certificate_is_bad(bench: Bench, phone: Phone) -> None:
    """When the primary alone presents a bad certificate, the device registers at the secondary."""
    await bench.failover.meets("bad-certificate", sourced=False)


# --- while it registers


@case(
    "WXC-FO-030",
    variant="silent",
    requirements=["FO-TIMEOUT"],
    disturbs=["registration"],
    waits=["refresh", "time-out", "way-back"],
)
async def test_moves_on_when_register_is_not_answered(bench: Bench, phone: Phone) -> None:
    """When the primary answers no REGISTER, the device registers at the secondary."""
    await bench.failover.meets("silent")


@case(
    "WXC-FO-030",
    variant="closes-at-request",
    requirements=["FO-SECONDARY"],
    disturbs=["registration"],
    waits=["refresh", "way-back"],
)
async def test_moves_on_when_register_closes_the_connection(bench: Bench, phone: Phone) -> None:
    """When the primary closes the connection at each REGISTER, the device registers at the secondary."""
    await bench.failover.meets("closes-at-request")


@case(
    "WXC-FO-030",
    variant="resets-at-request",
    requirements=["FO-SECONDARY"],
    disturbs=["registration"],
    waits=["refresh", "way-back"],
)
async def test_moves_on_when_register_resets_the_connection(bench: Bench, phone: Phone) -> None:
    """When the primary resets the connection at each REGISTER, the device registers at the secondary."""
    await bench.failover.meets("resets-at-request")


@case("WXC-FO-030", variant="late", requirements=["FO-ERRORS"], disturbs=["registration"], waits=["late-answers"])
async def test_stays_registered_when_the_primary_is_slow(bench: Bench, phone: Phone) -> None:
    """When the primary answers late, the device stays registered, here or there."""
    await bench.failover.meets("late", elsewhere=False, sourced=False)


@case("WXC-FO-040", variant="503", requirements=["FO-503"], disturbs=["registration"], waits=["refresh", "way-back"])
async def test_moves_on_at_503(bench: Bench, phone: Phone) -> None:
    """When the primary answers 503, the device registers at the secondary."""
    await bench.failover.meets("503")


@case(
    "WXC-FO-040",
    variant="503-retry-after",
    requirements=["FO-503"],
    disturbs=["registration"],
    waits=["refresh", "retry-after", "way-back"],
)
async def test_moves_on_at_503_with_retry_after(bench: Bench, phone: Phone) -> None:
    """When the primary answers 503 with Retry-After, the device registers at the secondary."""
    await bench.failover.meets("503-retry-after")


@case("WXC-FO-040", variant="500", requirements=["FO-ERRORS"], disturbs=["registration"], waits=["refresh", "way-back"])
async def test_moves_on_at_500(bench: Bench, phone: Phone) -> None:
    """When the primary answers 500, the device is registered at the secondary."""
    await bench.failover.meets("500", sourced=False)


@case("WXC-FO-040", variant="408", requirements=["FO-ERRORS"], disturbs=["registration"], waits=["refresh", "way-back"])
async def test_moves_on_at_408(bench: Bench, phone: Phone) -> None:
    """When the primary answers 408, the device is registered at the secondary."""
    await bench.failover.meets("408", sourced=False)


@case("WXC-FO-040", variant="430", requirements=["FO-ERRORS"], disturbs=["registration"], waits=["refresh", "way-back"])
async def test_moves_on_at_430(bench: Bench, phone: Phone) -> None:
    """When the primary answers 430, the device is registered at the secondary."""
    await bench.failover.meets("430", sourced=False)


# --- the way back


@case(
    "WXC-FO-060",
    requirements=["FO-FAILBACK"],
    needs="registered-secondary",
    disturbs=["registration"],
    waits=["way-back"],
)
async def test_returns_to_the_primary(bench: Bench, phone: Phone) -> Deferred:
    """Once the primary accepts connections again, the device returns to it by itself."""
    await bench.primary.comes_back()
    return bench.until_back_on_primary()


@case("WXC-FO-065", requirements=["FO-STAYS"], disturbs=["registration"], waits=["way-back", "watched"])
async def test_does_not_wander(bench: Bench, phone: Phone) -> None:
    """Once both targets serve, the device goes back at most, and stays there."""
    await bench.failover.meets("reset")
    await bench.failover.stays("reset")


# --- calls


@case("WXC-FO-070", variant="reset", requirements=["FO-INVITE"], disturbs=["registration"])
async def test_calls_through_the_secondary_after_a_reset(bench: Bench, phone: Phone) -> None:
    """When the primary resets the connection at INVITE, the call is placed through the secondary."""
    await bench.failover.begins_between_refreshes()
    bench.colleague.answers_when_called()
    await bench.failover.fails("resets-at-request")
    await phone.dials(bench.colleague)
    await bench.failover.saves("INVITE", "resets-at-request", sourced=False)


@case("WXC-FO-070", variant="503", requirements=["FO-INVITE"], disturbs=["registration"])
async def test_calls_through_the_secondary_at_503(bench: Bench, phone: Phone) -> None:
    """When the primary answers INVITE with 503, the call is placed through the secondary."""
    await bench.failover.begins_between_refreshes()
    bench.colleague.answers_when_called()
    await bench.failover.fails("503")
    await phone.dials(bench.colleague)
    await bench.failover.saves("INVITE", "503", sourced=False)


@case("WXC-FO-070", variant="silent", requirements=["FO-INVITE"], disturbs=["registration"], waits=["time-out"])
async def test_calls_through_the_secondary_when_invite_is_not_answered(bench: Bench, phone: Phone) -> None:
    """When the primary does not answer INVITE, the call is placed through the secondary."""
    await bench.failover.begins_between_refreshes()
    bench.colleague.answers_when_called()
    await bench.failover.fails("silent")
    await phone.dials(bench.colleague)
    await bench.failover.saves("INVITE", "silent", sourced=False)


@case("WXC-FO-080", variant="reset", requirements=["FO-BYE"], disturbs=["registration"])
async def test_ends_the_call_through_the_secondary(bench: Bench, phone: Phone) -> None:
    """When the primary fails in a call, the device ends the call through the secondary."""
    await bench.failover.begins()
    call = await bench.colleague.is_in_a_call()
    await bench.failover.fails("reset")
    await bench.failover.moves_on("reset")
    await phone.tries_to_hang_up()
    await bench.failover.saves("BYE", "reset", call_id=call.leg.call_id, sourced=False)


@case("WXC-FO-080", variant="silent", requirements=["FO-BYE"], disturbs=["registration"], waits=["time-out"])
async def test_ends_the_call_when_bye_is_not_answered(bench: Bench, phone: Phone) -> None:
    """When the primary does not answer BYE, the device sends it through the secondary."""
    await bench.failover.begins_between_refreshes()
    call = await bench.colleague.is_in_a_call()
    await bench.failover.fails("silent")
    await phone.tries_to_hang_up()
    await bench.failover.saves("BYE", "silent", call_id=call.leg.call_id, sourced=False)


@case("WXC-FO-090", variant="media", requirements=["FO-CALL"], disturbs=["registration"])
async def test_audio_goes_on_when_the_primary_fails(bench: Bench, phone: Phone) -> None:
    """When the primary fails in a call, audio goes on both ways while the device moves on."""
    await bench.failover.begins()
    call = await bench.colleague.is_in_a_call()
    await call.is_heard()
    await bench.failover.fails("reset")
    await bench.failover.moves_on("reset")
    await call.is_heard()


@case("WXC-FO-090", variant="hold", requirements=["FO-CALL"], claims=["hold"], disturbs=["registration"])
async def test_holds_the_call_through_the_secondary(bench: Bench, phone: Phone) -> None:
    """When the primary fails in a call, the device can hold the call through the secondary."""
    await bench.failover.begins()
    call = await bench.colleague.is_in_a_call()
    await bench.failover.fails("reset")
    await bench.failover.moves_on("reset")
    await phone.tries_to_hold()
    await bench.failover.saves("INVITE", "reset", call_id=call.leg.call_id, sourced=False)


@case("WXC-FO-080", variant="503", requirements=["FO-BYE"], disturbs=["registration"])
async def test_ends_the_call_when_bye_is_answered_503(bench: Bench, phone: Phone) -> None:
    """When the primary answers BYE with 503, the device sends it through the secondary."""
    await bench.failover.begins_between_refreshes()
    call = await bench.colleague.is_in_a_call()
    await bench.failover.fails("503")
    await phone.tries_to_hang_up()
    await bench.failover.saves("BYE", "503", call_id=call.leg.call_id, sourced=False)


@case("WXC-FO-090", variant="hold-503", requirements=["FO-CALL"], claims=["hold"], disturbs=["registration"])
async def test_holds_the_call_when_reinvite_is_answered_503(bench: Bench, phone: Phone) -> None:
    """When the primary answers a re-INVITE with 503, the device holds the call through the secondary."""
    await bench.failover.begins_between_refreshes()
    call = await bench.colleague.is_in_a_call()
    await bench.failover.fails("503")
    await phone.tries_to_hold()
    await bench.failover.saves("INVITE", "503", call_id=call.leg.call_id, sourced=False)


# --- subscriptions, and whether it is there


@case("WXC-FO-100", requirements=["FO-SUBSCRIPTIONS"], disturbs=["registration"])
async def test_subscribes_again_after_a_failover(bench: Bench, phone: Phone) -> None:
    """When the primary fails, what the device had subscribed to it subscribes to again at the secondary."""
    await bench.notifier.must_be_in_use()
    await bench.failover.begins()
    await bench.failover.fails("reset")
    await bench.failover.moves_on("reset")
    await bench.failover.subscribes_anew("reset")


@case("WXC-FO-105", requirements=["FO-OPTIONS"], disturbs=["registration"])
async def test_answers_options_after_a_failover(bench: Bench, phone: Phone) -> None:
    """When the primary fails, the device answers OPTIONS of the secondary, to which it has moved."""
    await bench.failover.begins()
    await bench.failover.fails("reset")
    await bench.failover.moves_on("reset")
    await bench.registrar.asks_whether_it_is_there()


# --- both, and what is recorded


@case(
    "WXC-FO-110",
    variant="refused",
    requirements=["FO-BOTH"],
    disturbs=["registration"],
    waits=["both-down", "own-retry"],
)
async def test_recovers_when_both_were_down(bench: Bench, phone: Phone) -> None:
    """When both targets refused connections for a while, the device recovers by itself."""
    await bench.failover.both_fail("reset")


@case(
    "WXC-FO-110",
    variant="503",
    requirements=["FO-BOTH"],
    disturbs=["registration"],
    waits=["refresh", "both-down", "own-retry"],
)
async def test_recovers_when_both_were_overloaded(bench: Bench, phone: Phone) -> None:
    """When both targets answered 503 for a while, the device recovers by itself and has not hammered them."""
    await bench.failover.both_fail("503")
    await bench.expect("fo.is-patient", phase="503")


@case("WXC-FO-115", requirements=["FO-BOTH"], disturbs=["registration"], waits=["refresh", "both-down", "own-retry"])
async def test_recovers_when_failures_follow_each_other(bench: Bench, phone: Phone) -> None:
    """When the primary answers 503, then refuses, while the secondary answers 503, the device recovers by itself."""
    await bench.failover.fails_in_turn("503", "reset")


@case("WXC-FO-120", requirements=["FO-ONE-BINDING"])
async def test_leaves_no_binding_behind(bench: Bench, phone: Phone) -> Deferred:
    """No line stays registered where it has moved from."""
    return bench.over_the_whole_run("fo.old-binding")


@case("WXC-FO-130", requirements=["FO-POLICY"], disturbs=["registration"], waits=["way-back"])
async def test_call_from_the_secondary(bench: Bench, phone: Phone) -> None:
    """What the device does with a call from the secondary while it is registered at the primary: recorded."""
    await bench.failover.meets("reset")
    leg = await bench.failover.calls_over_the_secondary()
    await bench.expect("fo.call-from-secondary", call_id=leg.call_id)
