"""Identity: what the User-Agent says."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-UA-010", requirements=["UA-MAKE-MODEL"])
async def test_user_agent_names_make_and_model(bench: Bench, phone: Phone) -> Deferred:
    """User-Agent names make and model in every REGISTER and INVITE."""
    await phone.dials(bench.colleague)
    await bench.colleague.is_called(as_control=True)
    await phone.hangs_up()
    return bench.over_the_whole_run(
        "ua.names-make-and-model", make=phone.make, model=phone.model, methods=["REGISTER", "INVITE"]
    )


@case("WXC-UA-015", requirements=["UA-PROFILE"])
async def test_user_agent_is_the_announced_one(bench: Bench, phone: Phone) -> Deferred:
    """User-Agent is the one that the profile announces."""
    return bench.over_the_whole_run("ua.as-profile", user_agent=phone.user_agent)


@case("WXC-UA-020", requirements=["UA-CONTROL-HUB"])
async def test_control_hub_can_tell_make_and_model(bench: Bench, phone: Phone) -> Deferred:
    """Make and model can be read from the User-Agent, so that Control Hub shows which device it is."""
    return bench.over_the_whole_run("ua.readable", make=phone.make, model=phone.model, kind=phone.kind)


@case("WXC-UA-030", requirements=["UA-CONSTANT"])
async def test_user_agent_is_the_same_everywhere(bench: Bench, phone: Phone) -> Deferred:
    """User-Agent is the same in every request and at every edge, short, and printable ASCII."""
    return bench.over_the_whole_run("ua.constant")


@case("WXC-UA-040", requirements=["UA-NOT-CISCO"])
async def test_user_agent_does_not_name_cisco(bench: Bench, phone: Phone) -> Deferred:
    """User-Agent does not name Cisco as the make."""
    return bench.over_the_whole_run("ua.not-cisco")


@case("WXC-UA-050", requirements=["UA-AGREES"])
async def test_everything_names_one_device(bench: Bench, phone: Phone) -> Deferred:
    """SIP, HTTP and MAC address name one make and model."""
    return bench.over_the_whole_run("ua.agrees", make=phone.make)
