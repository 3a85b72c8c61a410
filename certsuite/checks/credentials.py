"""SIP passwords: policy and characters."""

from __future__ import annotations

from certsuite.checks.registry import Question, check
from certsuite.core.events import BindingChanged, CredentialsAudited, DigestChecked
from certsuite.core.findings import Judgement
from certsuite.core.verdicts import Verdict


@check("pw.policy", limits=("password_length",))
def policy(question: Question) -> Judgement:
    """Passwords that the user supplied are long enough, mixed, and differ from line to line (PW-POLICY)."""
    limit = question.limits["password_length"]
    audited = question.span.of(CredentialsAudited)
    if not audited:
        return question.unknown("nothing-seen", "no credentials were supplied")
    audit = audited[-1].event
    problems = []
    for line, length, missing, same in zip(audit.lines, audit.lengths, audit.missing, audit.same_as, strict=True):
        if length < limit.value:
            problems.append(f"line {line}: {length} characters")
        if missing:
            problems.append(f"line {line}: no {', no '.join(missing)}")
        if same:
            problems.append(f"line {line}: the same as line {', '.join(map(str, same))}")
    if problems:
        return question.failed(
            "password-policy",
            "; ".join(problems),
            f"{limit.value:g} characters or more, of all four classes, no line like another",
            audited[-1].evidence,
            hint="Give each line a password of its own that meets the policy.",
            verdict=Verdict.FAIL if any(audit.missing) or any(audit.same_as) else limit.breach,
            limit=limit,
        )
    return question.passed(audited[-1].evidence)


@check("pw.characters", limits=("registration_s",))
def characters(question: Question) -> Judgement:
    """A line registers with a password of these characters (PW-CHARACTERS)."""
    shown = " ".join(question.text("characters"))
    line = question.subject.line
    bound = [seen for seen in question.span.of(BindingChanged) if seen.at.line == line and seen.event.granted_s > 0]
    if bound:
        return question.passed(bound[0].evidence)
    wrong = [
        seen
        for seen in question.span.of(DigestChecked)
        if seen.at.line == line and seen.event.method == "REGISTER" and not seen.event.response_right
    ]
    if wrong:
        return question.failed(
            "password-characters",
            f"a wrong response with a password of these special characters: {shown}",
            "the password reaches the digest unchanged",
            wrong[-1].evidence,
            hint="One of the characters is lost or changed on the way from the configuration to the digest: escape it "
            "in the template, or exclude it by the vendor's password alphabet.",
            settled=False,
        )
    return question.failed(
        "password-characters",
        f"line {line} no longer registers with a password of these special characters: {shown}",
        "a REGISTER with the digest of that password, as with the password before",
        hint="The configuration's format or the device refuses one of the characters: escape it in the template, or "
        "exclude it by the vendor's password alphabet.",
        settled=False,
    )
