"""Registration at a registrar that asks, grants or refuses in another way than usual."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import THERE_AND_BACK


@case("WXC-REG-012", requirements=["REG-CHALLENGE"], disturbs=["registration"])
async def test_takes_auth_out_of_several_values_of_qop(bench: Bench, phone: Phone) -> None:
    """A challenge whose qop has unknown values beside auth is answered with auth."""
    await bench.registrar.asks_with(
        "several values of qop",
        finding="digest-unknown-qop",
        hint="qop is a list: take auth, wherever it stands, and pass over what is not known.",
    )


@case("WXC-REG-014", requirements=["REG-CHALLENGE"], disturbs=["registration"])
async def test_answers_a_challenge_without_qop(bench: Bench, phone: Phone) -> None:
    """A challenge without qop is answered in the form of RFC 2069."""
    await bench.registrar.asks_with(
        "no qop",
        finding="digest-needs-qop",
        hint="Without qop neither nc nor cnonce go into the response or into the header.",
    )


@case("WXC-REG-016", requirements=["REG-ALGORITHMS"], disturbs=["registration"])
async def test_answers_one_of_two_challenges_with_md5_first(bench: Bench, phone: Phone) -> None:
    """Of two challenges, MD5 and then SHA-256, one is answered."""
    await bench.registrar.asks_with(
        "MD5 before SHA-256",
        finding="digest-two-challenges",
        hint="Take the first challenge whose algorithm is known, and leave the others alone.",
    )


@case("WXC-REG-017", requirements=["REG-ALGORITHMS"], disturbs=["registration"])
async def test_answers_one_of_two_challenges_with_sha256_first(bench: Bench, phone: Phone) -> None:
    """Of two challenges, SHA-256 and then MD5, one is answered."""
    await bench.registrar.asks_with(
        "SHA-256 before MD5",
        finding="digest-two-challenges",
        hint="Take the first challenge whose algorithm is known, and leave the others alone.",
    )


@case("WXC-REG-018", requirements=["REG-SHA-256"], disturbs=["registration"])
async def test_answers_a_challenge_with_sha256_alone(bench: Bench, phone: Phone) -> None:
    """Whether a challenge with SHA-256 alone is answered: this is recorded."""
    await bench.registrar.asks_with(
        "SHA-256 alone",
        finding="digest-no-sha256",
        hint="Webex Calling asks with MD5 today; RFC 8760 is how it could ask tomorrow.",
        optional=True,
    )


@case("WXC-REG-030", requirements=["REG-REALM"], disturbs=["registration"])
async def test_answers_the_challenge_of_a_call_in_another_realm(bench: Bench, phone: Phone) -> None:
    """A call that is challenged in the realm of the registrar's domain is answered in this realm."""
    await bench.registrar.asks_calls_in_its_domains_realm()


@case("WXC-REG-032", requirements=["REG-REALM"], disturbs=["registration"])
async def test_registers_in_another_realm(bench: Bench, phone: Phone) -> None:
    """A registration that is challenged in the realm of the registrar's domain is answered in this realm."""
    await bench.registrar.asks_with(
        "the domain's realm",
        finding="digest-other-realm",
        hint="The realm is whatever the challenge says: neither configure nor remember one.",
    )


@case("WXC-REG-040", requirements=["REG-STALE"], disturbs=["registration"])
async def test_goes_on_with_the_new_nonce_when_the_old_is_stale(bench: Bench, phone: Phone) -> None:
    """A right answer that is told stale=true is given again with the new nonce."""
    await bench.registrar.asks_with(
        "a stale nonce",
        finding="digest-stale-not-answered",
        hint="stale=true says that the password was right: answer with the new nonce, without asking the user.",
    )


@case("WXC-REG-050", requirements=["REG-CHALLENGE"], disturbs=["registration"])
async def test_passes_over_unknown_parameters_of_a_challenge(bench: Bench, phone: Phone) -> None:
    """A challenge with unknown parameters and without an algorithm is answered."""
    await bench.registrar.asks_with(
        "unknown parameters",
        finding="digest-unknown-parameters",
        hint="Pass over parameters that are not known; a comma in quotes separates nothing. No algorithm means MD5.",
    )


@case("WXC-REG-070", requirements=["REG-MIN-EXPIRES"], disturbs=["registration"])
async def test_asks_again_for_the_lowest_expiry(bench: Bench, phone: Phone) -> None:
    """A 423 with Min-Expires is followed by a REGISTER that asks for as much or more."""
    await bench.registrar.wants_a_longer_expiry()


@case(
    "WXC-REG-110",
    requirements=["REG-BACK-OFF"],
    disturbs=["registration"],
    reconnects=THERE_AND_BACK,
    waits=["silence"],
)
async def test_pauses_when_its_password_is_refused(bench: Bench, phone: Phone) -> None:
    """A device whose credentials are answered with 403 does not try again and again."""
    await bench.registrar.refuses_every_password()


@case(
    "WXC-REG-112",
    requirements=["REG-BACK-OFF"],
    disturbs=["registration"],
    reconnects=THERE_AND_BACK,
    waits=["silence"],
)
async def test_pauses_when_it_is_asked_again_for_ever(bench: Bench, phone: Phone) -> None:
    """A device whose credentials are answered with one 401 after the other does not try again and again."""
    await bench.registrar.asks_again_for_ever()


@case(
    "WXC-REG-120",
    requirements=["REG-RETRY-AFTER"],
    disturbs=["registration"],
    reconnects=THERE_AND_BACK,
    waits=["retry-after"],
)
async def test_leaves_an_edge_alone_that_asks_for_it(bench: Bench, phone: Phone) -> None:
    """A primary that answers 503 with Retry-After gets no REGISTER until that time is over."""
    await bench.registrar.asks_to_be_left_alone("primary")


@case("WXC-REG-130", requirements=["REG-UNKNOWN"], disturbs=["registration"])
async def test_takes_a_200_with_subscriber_data(bench: Bench, phone: Phone) -> None:
    """A 200 to REGISTER with a body of XML is taken, and the device goes on."""
    await bench.registrar.sends_subscriber_data()


@case("WXC-REG-132", requirements=["REG-UNKNOWN"], disturbs=["registration"])
async def test_takes_a_200_with_unknown_headers(bench: Bench, phone: Phone) -> None:
    """A 200 to REGISTER with Service-Route, P-Associated-URI and unknown headers is taken, and the device goes on."""
    await bench.registrar.sends_unknown_headers()
