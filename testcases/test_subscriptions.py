"""Subscriptions: what the device wants to be told of (RFC 6665)."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case(
    "WXC-SUB-010",
    variant="message-summary",
    requirements=["SUB-NOTIFIED"],
    claims=["subscriptions.message-summary"],
)
async def test_subscribes_to_its_messages(bench: Bench, phone: Phone) -> None:
    """The device subscribes to its message summary, and takes what it is told of it."""
    await bench.notifier.tells_of("message-summary")


@case("WXC-SUB-010", variant="dialog", requirements=["SUB-NOTIFIED"], claims=["subscriptions.dialog"])
async def test_subscribes_to_the_calls_of_others(bench: Bench, phone: Phone) -> None:
    """The device subscribes to the calls of a user that it monitors, and takes what it is told of them."""
    await bench.notifier.tells_of("dialog")


@case("WXC-SUB-030", requirements=["SUB-UNSOLICITED"])
async def test_is_told_of_its_messages(bench: Bench, phone: Phone) -> None:
    """The device takes what it is told of its messages without having asked."""
    await bench.notifier.tells_unsubscribed("message-summary")


@case(
    "WXC-SUB-020",
    requirements=["SUB-REFRESH"],
    claims=["subscriptions.message-summary"],
    disturbs=["registration"],
)
async def test_refreshes_its_subscription(bench: Bench, phone: Phone) -> Deferred:
    """The device refreshes a subscription that was granted for a short while before it ends."""
    return await bench.notifier.grants_briefly("message-summary")
