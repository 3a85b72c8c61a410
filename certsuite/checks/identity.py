"""Who the device says it is: User-Agent, and what else names it."""

from __future__ import annotations

import re

from certsuite.checks.registry import Question, check
from certsuite.checks.span import PROVISIONING, SeenMessage
from certsuite.core.events import ProvisioningRequest
from certsuite.core.findings import Evidence, Judgement
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict
from certsuite.sip.user_agent import control_hub_name, maker_of_mac, read_user_agent, same_make, same_model

_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]*")


@check("ua.names-make-and-model", limits=("invite_s",), passive=True)
def names_make_and_model(question: Question) -> Judgement:
    """User-Agent names make and model in every REGISTER and INVITE (UA-MAKE-MODEL)."""
    make, model = question.text("make"), question.text("model")
    methods = [str(method) for method in question.param("methods")]
    seen_methods = set()
    for method in methods:
        for seen in question.span.messages(method=method):
            seen_methods.add(method)
            agent = seen.message.user_agent
            missing = [word for word in (make, model) if word.lower() not in agent.lower()]
            if missing:
                return question.failed(
                    "user-agent-incomplete",
                    f"{method} with User-Agent {printable(agent, at_most=120)!r}"
                    if agent
                    else f"{method} without User-Agent",
                    f"make {make!r} and model {model!r} in it",
                    seen.evidence,
                    hint="Control Hub reads make and model from the User-Agent, else the device shows as unknown.",
                )
    absent = [method for method in methods if method not in seen_methods]
    if absent:
        return question.unknown("nothing-seen", f"the device sent no {' and no '.join(absent)}")
    return question.passed(*(question.span.messages(method=method)[0].evidence for method in methods))


@check("ua.as-profile", passive=True)
def as_profile(question: Question) -> Judgement:
    """User-Agent is the one that the profile announces (UA-PROFILE)."""
    pattern = re.compile(question.text("user_agent"))
    messages = [seen for seen in question.span.messages() if seen.message.user_agent]
    if not question.span.messages(method="REGISTER"):
        return question.unknown("nothing-seen", "the device sent no REGISTER")
    for seen in messages:
        if not pattern.search(seen.message.user_agent):
            return question.failed(
                "user-agent-not-as-profile",
                f"User-Agent {printable(seen.message.user_agent, at_most=120)!r}",
                f"a match of {pattern.pattern!r}",
                seen.evidence,
                hint="Either another device or firmware is under test, or identity.user_agent of the profile is old.",
            )
    if not messages:
        return question.failed(
            "user-agent-not-as-profile", "no User-Agent in any message", f"a match of {pattern.pattern!r}"
        )
    return question.passed(messages[0].evidence)


@check("ua.readable", passive=True)
def readable(question: Question) -> Judgement:
    """Make and model are read from the User-Agent of REGISTER as those of the profile (UA-CONTROL-HUB).

    How Webex reads them is not published, so that they are not read is a warning.
    """
    make, model, kind = question.text("make"), question.text("model"), question.text("kind")
    expected = f"Partner Managed {kind.capitalize()} - {make} {model}"
    registers = question.span.messages(method="REGISTER")
    if not registers:
        return question.unknown("nothing-seen", "the device sent no REGISTER")
    for seen in registers:
        product = read_user_agent(seen.message.user_agent)
        if not (same_make(product.make, make) and same_model(product.model, model)):
            return question.failed(
                "control-hub-cannot-tell",
                f"User-Agent {printable(seen.message.user_agent, at_most=120)!r}, with which Control Hub is likely to "
                f"show {printable(control_hub_name(product, kind), at_most=120)!r}",
                f"{expected!r}",
                seen.evidence,
                hint="Write it as most devices do: make, a space, model, a space or slash, firmware.",
                verdict=Verdict.WARN,
            )
    return question.passed(registers[0].evidence)


@check("ua.constant", limits=("user_agent_length",), passive=True)
def constant(question: Question) -> Judgement:
    """The User-Agent is the same in all requests, and is printable ASCII of some length at most (UA-CONSTANT)."""
    limit = question.limits["user_agent_length"]
    requests = [seen for seen in question.span.messages() if seen.message.is_request and seen.message.user_agent]
    if not any(seen.message.method == "REGISTER" for seen in requests):
        return question.unknown("nothing-seen", "the device sent no REGISTER with a User-Agent")
    first = requests[0]
    for seen in requests:
        agent = seen.message.user_agent
        if not _PRINTABLE_ASCII.fullmatch(agent):
            return _odd(question, "user-agent-not-ascii", seen, f"User-Agent {_shown(seen)}", "printable ASCII")
        if len(agent) > limit.value:
            observed, expected = f"a User-Agent of {len(agent)} characters", f"{limit.value:g} or fewer"
            return _odd(question, "user-agent-too-long", seen, observed, expected)
        if agent != first.message.user_agent:
            observed = f"{first.message.method} with {_shown(first)} and {seen.message.method} with {_shown(seen)}"
            expected = "the same in all requests, at every edge"
            return _odd(question, "user-agent-varies", seen, observed, expected, first.evidence)
    return question.passed(first.evidence, requests[-1].evidence)


@check("ua.not-cisco", passive=True)
def not_cisco(question: Question) -> Judgement:
    """No User-Agent names Cisco as the make (UA-NOT-CISCO)."""
    named = [seen for seen in question.span.messages() if seen.message.user_agent]
    if not named:
        return question.unknown("nothing-seen", "the device sent no User-Agent")
    for seen in named:
        if same_make(read_user_agent(seen.message.user_agent).make, "Cisco"):
            return question.failed(
                "user-agent-names-cisco",
                f"User-Agent {_shown(seen)}",
                "the device's own make",
                seen.evidence,
                hint="Cisco's devices are no partner-managed devices: Webex has another onboarding for them.",
            )
    return question.passed(named[0].evidence)


@check("ua.agrees", passive=True)
def agrees(question: Question) -> Judgement:
    """SIP and provisioning name one make and model, and a MAC address that is the maker's (UA-AGREES).

    ``make`` is the profile's. What is not there, or of a maker that is not known here, says nothing.
    """
    make = question.text("make")
    registers = [seen for seen in question.span.messages(method="REGISTER") if seen.message.user_agent]
    if not registers:
        return question.unknown("nothing-seen", "the device sent no REGISTER with a User-Agent")
    first = registers[0]
    in_sip = read_user_agent(first.message.user_agent)
    places = [("SIP", in_sip, first.evidence)]
    for seen in question.span.of(ProvisioningRequest, edge=PROVISIONING):
        in_http = read_user_agent(seen.event.user_agent)
        places.append(("HTTP", in_http, seen.evidence))
        both_named = in_sip.make and in_sip.model and in_http.make and in_http.model
        if both_named and not (same_make(in_http.make, in_sip.make) and same_model(in_http.model, in_sip.model)):
            observed = f"{in_http.make} {in_http.model} over HTTP, {in_sip.make} {in_sip.model} in SIP"
            return _disagrees(question, observed, first.evidence, seen.evidence)
    for place, product, evidence in places:
        maker = maker_of_mac(product.mac)
        if maker and not same_make(maker, make):
            observed = (
                f"in the User-Agent of {place} the MAC address {product.mac}, which is {maker}'s, and not {make}'s"
            )
            return _disagrees(question, observed, evidence)
    return question.passed(first.evidence)


def _disagrees(question: Question, observed: str, *evidence: Evidence) -> Judgement:
    return question.failed(
        "identity-disagrees",
        printable(observed),
        "one make and model wherever the device names itself",
        *evidence,
        hint="Configuration, firmware and hardware are of different devices, or one of them copies another's name.",
        verdict=Verdict.WARN,
    )


def _odd(
    question: Question, finding: str, seen: SeenMessage, observed: str, expected: str, *more: Evidence
) -> Judgement:
    return question.failed(
        finding,
        observed,
        expected,
        *more,
        seen.evidence,
        hint="Write it once, and use it in every message: what Control Hub shows is read from it.",
        verdict=Verdict.WARN,
    )


def _shown(seen: SeenMessage) -> str:
    return repr(printable(seen.message.user_agent, at_most=120))
