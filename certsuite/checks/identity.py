"""Who the device says it is: User-Agent."""

from __future__ import annotations

import re

from certsuite.checks.registry import Question, check
from certsuite.core.findings import Judgement
from certsuite.core.redaction import printable


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
