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
