"""Provisioning: how the device fetches its configuration, and what it makes of it."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-PROV-010", requirements=["PROV-HTTPS"], claims=["provisioning"], needs="started")
async def test_fetches_over_https(bench: Bench, phone: Phone) -> None:
    """The device, started, asks for its configuration over HTTPS, and never without TLS."""
    await bench.provisioning.is_fetched_from()


@case("WXC-PROV-012", requirements=["PROV-FILE"], claims=["provisioning"], needs="started")
async def test_asks_for_its_own_file(bench: Bench, phone: Phone) -> None:
    """The device asks for the file that is its own, and names its MAC address where its profile says."""
    await bench.provisioning.is_asked_for_the_right_file()


@case("WXC-PROV-014", requirements=["PROV-AUTH"], claims=["provisioning"], needs="started")
async def test_authenticates(bench: Bench, phone: Phone) -> None:
    """The device authenticates to the provisioning server with the credentials that it was given."""
    await bench.provisioning.is_authenticated_to()


@case("WXC-PROV-020", requirements=["PROV-VERIFY"], claims=["provisioning"], disturbs=["registration"])
async def test_refuses_an_unknown_root(bench: Bench, phone: Phone) -> None:
    """A provisioning server whose chain ends in a root that the device does not know is asked for nothing."""
    await bench.provisioning.is_refused_with("unknown-root")


@case("WXC-PROV-021", requirements=["PROV-VERIFY"], claims=["provisioning"], disturbs=["registration"])
async def test_refuses_a_self_signed_certificate(bench: Bench, phone: Phone) -> None:
    """A provisioning server whose certificate signs itself is asked for nothing."""
    await bench.provisioning.is_refused_with("self-signed")


@case("WXC-PROV-022", requirements=["PROV-VERIFY"], claims=["provisioning"], disturbs=["registration"])
async def test_refuses_a_wrong_host_name(bench: Bench, phone: Phone) -> None:
    """A provisioning server whose certificate names another host is asked for nothing."""
    await bench.provisioning.is_refused_with("wrong-host")


@case("WXC-PROV-023", requirements=["PROV-VERIFY"], claims=["provisioning"], disturbs=["registration"])
async def test_refuses_an_expired_certificate(bench: Bench, phone: Phone) -> None:
    """A provisioning server whose certificate has expired is asked for nothing."""
    await bench.provisioning.is_refused_with("expired")


@case("WXC-PROV-024", requirements=["PROV-CREDENTIALS"], claims=["provisioning"], disturbs=["registration"])
async def test_gives_no_credentials_to_a_stranger(bench: Bench, phone: Phone) -> None:
    """A server that the device cannot know and that asks for a password gets none."""
    await bench.provisioning.gets_no_credentials_with("unknown-root")


@case("WXC-PROV-026", requirements=["PROV-HTTPS"], claims=["provisioning"], disturbs=["registration"])
async def test_is_not_sent_to_clear(bench: Bench, phone: Phone) -> None:
    """A redirection from HTTPS to HTTP is not followed."""
    await bench.provisioning.sends_to_clear()


@case("WXC-PROV-028", requirements=["PROV-REDIRECT"], claims=["provisioning"], disturbs=["registration"])
async def test_follows_a_redirection(bench: Bench, phone: Phone) -> None:
    """A redirection to another server is followed, as by the zero-touch services of vendors."""
    await bench.provisioning.sends_elsewhere()


@case("WXC-PROV-030", requirements=["PROV-RESYNC"], claims=["provisioning"], disturbs=["registration", "configuration"])
async def test_takes_a_change(bench: Bench, phone: Phone) -> None:
    """A configuration that was changed is fetched and used when the network asks for it."""
    await bench.provisioning.asks_for_another_expiry()


@case("WXC-PROV-032", requirements=["PROV-PROXY"], claims=["provisioning"], disturbs=["registration", "configuration"])
async def test_moves_to_another_outbound_proxy(bench: Bench, phone: Phone) -> None:
    """When its configuration names another outbound proxy, the device asks DNS for that and registers there."""
    await bench.provisioning.names_another_outbound_proxy()


@case("WXC-PROV-036", requirements=["PROV-ORDERS"], claims=["provisioning"], disturbs=["registration"])
async def test_obeys_its_registrar_alone(bench: Bench, phone: Phone) -> None:
    """A NOTIFY check-sync from an address that is not the registrar's does not make the device fetch."""
    await bench.provisioning.is_ordered_by_an_outsider()


@case("WXC-PROV-040", requirements=["PROV-KEEPS"], claims=["provisioning"], disturbs=["registration", "configuration"])
async def test_starts_without_the_server(bench: Bench, phone: Phone) -> None:
    """Started without its provisioning server, the device registers with what it fetched last."""
    await bench.provisioning.is_away_at_a_start()


@case(
    "WXC-PROV-042",
    variant="not-found",
    requirements=["PROV-KEEPS"],
    claims=["provisioning"],
    disturbs=["registration"],
)
async def test_keeps_working_when_its_file_is_gone(bench: Bench, phone: Phone) -> None:
    """After a 404 for its configuration the device registers with what it had."""
    await bench.provisioning.fails("not found")


@case(
    "WXC-PROV-042",
    variant="server-error",
    requirements=["PROV-KEEPS"],
    claims=["provisioning"],
    disturbs=["registration"],
)
async def test_keeps_working_when_the_server_fails(bench: Bench, phone: Phone) -> None:
    """After a 500 for its configuration the device registers with what it had."""
    await bench.provisioning.fails("server error")


@case(
    "WXC-PROV-042",
    variant="silent",
    requirements=["PROV-KEEPS"],
    claims=["provisioning"],
    disturbs=["registration"],
)
async def test_keeps_working_when_the_server_is_silent(bench: Bench, phone: Phone) -> None:
    """When nothing answers the request for its configuration, the device registers with what it had."""
    await bench.provisioning.fails("silent")


@case(
    "WXC-PROV-042",
    variant="truncated",
    requirements=["PROV-KEEPS"],
    claims=["provisioning"],
    disturbs=["registration", "configuration"],
)
async def test_takes_no_half_file(bench: Bench, phone: Phone) -> None:
    """A configuration that comes in part is not used: the device registers with what it had."""
    await bench.provisioning.breaks_off()


@case("WXC-PROV-050", requirements=["PROV-SECRETS"], claims=["provisioning"], needs="started")
async def test_shows_no_password(bench: Bench, phone: Phone) -> Deferred:
    """In the whole run no password stands in a URL or a header of a fetch, and none is sent without TLS."""
    return bench.over_the_whole_run("prov.keeps-secrets")


@case("WXC-PROV-060", requirements=["PROV-NOTED"], claims=["provisioning"], disturbs=["registration"])
async def test_notes_conditional_requests(bench: Bench, phone: Phone) -> None:
    """Whether the device asks for its configuration only if that has changed: this is recorded."""
    await bench.provisioning.is_fetched_from_twice()
