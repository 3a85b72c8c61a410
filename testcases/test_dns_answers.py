"""DNS: answers that are odd, and right all the same."""

from certsuite.bench import Bench, Phone, case


@case("WXC-DNS-070", requirements=["DNS-FAMILIES"], disturbs=["registration"])
async def test_an_ipv6_address_that_leads_nowhere(bench: Bench, phone: Phone) -> None:
    """Targets have an IPv6 address too, at which nobody is, and the device comes to the edge by IPv4."""
    bench.dns.has_dead_ipv6_addresses()
    await phone.reconnects()
    await bench.dns.leads_to(
        finding="dns-stuck-with-ipv6",
        hint="Prefer IPv4, or let the device try the addresses of the other family when one fails.",
    )


@case("WXC-DNS-072", requirements=["DNS-FAMILIES"], disturbs=["registration"])
async def test_questions_for_ipv6_addresses_stay_unanswered(bench: Bench, phone: Phone) -> None:
    """DNS does not answer questions for AAAA, and the device comes to the edge by IPv4."""
    bench.dns.is_silent(type="AAAA")
    await phone.reconnects()
    await bench.dns.leads_to(
        finding="dns-waits-for-aaaa",
        hint="Switch IPv6 off in the device where there is none, and do not wait for AAAA when A is there.",
    )


@case("WXC-DNS-130", requirements=["DNS-LONG-ANSWERS"], disturbs=["registration"])
async def test_eight_targets(bench: Bench, phone: Phone) -> None:
    """SRV names eight targets in more than 512 bytes, only the last two are edges, and the device comes to one."""
    bench.dns.answers_at_length()
    await phone.reconnects()
    await bench.dns.leads_to(
        finding="dns-long-answer",
        hint="The device must read every record of the answer, and ask over TCP for one that is truncated.",
    )


@case("WXC-DNS-132", requirements=["DNS-LONG-ANSWERS"], disturbs=["registration"])
async def test_a_truncated_answer(bench: Bench, phone: Phone) -> None:
    """What is cut off over UDP is asked for again over TCP, and the device comes to the edge."""
    bench.dns.truncates()
    await phone.reconnects()
    await bench.dns.is_retried_over_tcp()
    await bench.dns.leads_to(
        finding="dns-tcp-answer-unused",
        hint="The answer over TCP counts like one over UDP (RFC 7766).",
    )


@case("WXC-DNS-134", requirements=["DNS-EDNS"], disturbs=["registration"])
async def test_a_server_without_edns(bench: Bench, phone: Phone) -> None:
    """A server that refuses questions with EDNS as malformed is asked without it, and the device comes to the edge."""
    bench.dns.knows_no_edns()
    await phone.reconnects()
    await bench.dns.leads_to(
        finding="dns-insists-on-edns",
        hint="RFC 6891 section 6.2.2: after FORMERR the question is asked again without EDNS.",
    )


@case("WXC-DNS-136", requirements=["DNS-EDNS"], disturbs=["registration"])
async def test_answers_that_come_late(bench: Bench, phone: Phone) -> None:
    """Each answer takes more than half a second, and the device waits for it."""
    bench.dns.answers_late()
    await phone.reconnects()
    await bench.dns.leads_to(
        finding="dns-impatient",
        hint="RFC 1035 section 4.2.1: a resolver waits 2 to 5 seconds before it asks again.",
    )


@case("WXC-DNS-140", requirements=["DNS-ID"], disturbs=["registration"])
async def test_an_answer_with_another_id(bench: Bench, phone: Phone) -> None:
    """An answer with another id comes first and leads to the secondary; the device waits for its own."""
    bench.dns.forges_answers()
    await phone.reconnects()
    await bench.dns.leads_to(
        "primary",
        finding="dns-accepts-wrong-id",
        hint="RFC 5452 section 9.1: what does not match the question is ignored. Anyone could answer such a device.",
    )


@case("WXC-DNS-142", requirements=["DNS-LETTER-CASE"], disturbs=["registration"])
async def test_names_in_other_letters(bench: Bench, phone: Phone) -> None:
    """Names come back with large letters for small ones, and are the same names for the device."""
    bench.dns.changes_letters()
    await phone.reconnects()
    await bench.dns.leads_to(
        finding="dns-heeds-letter-case", hint="Names in DNS are compared without regard to case (RFC 4343)."
    )


@case("WXC-DNS-150", requirements=["DNS-CNAME"], disturbs=["registration"])
async def test_a_cname_before_the_srv_records(bench: Bench, phone: Phone) -> None:
    """The name that is asked for SRV is an alias of another one, and the device comes to the edge."""
    bench.dns.is_behind_a_cname()
    await phone.reconnects()
    await bench.dns.leads_to(
        finding="dns-ignores-cname",
        hint="RFC 1034 section 3.6.2: the answer has the alias and the records; both are to be read.",
    )


@case("WXC-DNS-152", requirements=["DNS-TARGET-ALIAS"], disturbs=["registration"])
async def test_a_cname_behind_the_srv_records(bench: Bench, phone: Phone) -> None:
    """The names of the SRV targets are aliases, which should not be, and the device comes to the edge."""
    bench.dns.has_aliases_as_targets()
    await phone.reconnects()
    await bench.dns.leads_to(
        finding="dns-ignores-target-alias",
        hint="RFC 2782 forbids such records, and operators make them: a device that follows them is safer.",
        at_most_warns=True,
    )
