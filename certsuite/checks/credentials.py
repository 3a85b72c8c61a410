"""SIP passwords: policy, characters, rotation, and that nobody sees them."""

from __future__ import annotations

from dataclasses import replace

from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    CredentialsAudited,
    DigestChecked,
    PasswordSeen,
    PasswordsWatched,
    PasswordTraced,
)
from certsuite.core.findings import Judgement
from certsuite.core.observations import OUT
from certsuite.core.redaction import printable
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
    line, shown = question.subject.line, " ".join(question.text("characters"))
    bound = [seen for seen in question.span.of(BindingChanged) if seen.at.line == line and seen.event.granted_s > 0]
    if bound:
        return question.passed(bound[0].evidence)
    asked = question.span.messages(direction=OUT, method="REGISTER", status=range(401, 402), line=line)
    wrong = _wrong_responses(question)
    traced = [seen for seen in question.span.of(PasswordTraced) if seen.at.line == line]
    what = f"a password of {traced[-1].event.length} characters with {shown}" if traced else f"a password with {shown}"
    if wrong:
        place, hint = _place(traced[-1].event if traced else None)
        return question.failed(
            "password-characters",
            f"a wrong response with {what}{place}",
            "the password reaches the digest unchanged",
            wrong[-1].evidence,
            hint=hint,
            # One that no challenge of this span asked for may be left from the password before.
            settled=bool(asked) and asked[0].at.seq < wrong[-1].at.seq,
        )
    return question.failed(
        "password-characters",
        f"line {line} no longer registers with {what}{_place(traced[-1].event if traced else None)[0]}"
        + ("; it does not answer the challenge" if asked else ""),
        "a REGISTER with the digest of that password, as with the password before",
        *(seen.evidence for seen in asked[-1:]),
        hint="The configuration's format or the device refuses one of the characters: escape it in the template, or "
        "exclude it by the vendor's password alphabet.",
        settled=False,
    )


def _wrong_responses(question: Question) -> list[Seen[DigestChecked]]:
    """REGISTERs of the line with the digest of another password."""
    return [
        seen
        for seen in question.span.of(DigestChecked)
        if seen.at.line == question.subject.line and seen.event.method == "REGISTER" and not seen.event.response_right
    ]


def _place(traced: PasswordTraced | None) -> tuple[str, str]:
    """Where the password was lost, to be added to what was observed, and what to do about it."""
    if traced is None:
        return "", "One of the characters is lost or changed on the way from the configuration to the digest."
    if traced.made_of:
        made_of = f", made of the password with {traced.made_of}"
        if traced.made_of.startswith(("without", "cut", "as", "its", "what")):
            made_of = f", made of the password {traced.made_of}"
    else:
        made_of = ""
    if not traced.in_configuration:
        return (
            f"{made_of}; the template lost it: no generated file has this password",
            "Write the password through the filter of its format in the template.",
        )
    return (
        f"{made_of}; the generated configuration has it, so the device lost it in reading that",
        "Escape the character in the template as the device's format wants it, or exclude it by the vendor's password "
        "alphabet.",
    )


@check("pw.rotates", limits=("rotation_expiries",))
def rotates(question: Question) -> Judgement:
    """After its password was changed, and its configuration brought to it, the line registers by it (PW-ROTATION)."""
    line = question.subject.line
    changed = [seen for seen in question.span.of(BenchChanged) if seen.event.what == "passwords"]
    if not changed:
        return question.unknown("never-changed", "no password was changed")
    rule = question.limits["rotation_expiries"]
    limit = replace(rule, value=rule.value * float(question.param("granted_s")), unit="s")
    bound = [
        seen
        for seen in question.span.of(BindingChanged)
        if seen.event.granted_s > 0 and seen.at.line == line and seen.at.seq > changed[0].at.seq
    ]
    if not bound:
        wrong = _wrong_responses(question)
        return question.failed(
            "password-rotation-not-taken",
            "REGISTER with the digest of another password, and none by the new one"
            if wrong
            else "no registration by the new password",
            "a registration by the new password once the configuration has it",
            changed[0].evidence,
            *(seen.evidence for seen in wrong[-1:]),
            hint="What was stored of the old password, its hash too, is to be dropped when the configuration has "
            "another one.",
            settled=False,
        )
    return question.timed(
        "rotation_outage",
        bound[0].at.t - changed[0].at.t,
        limit,
        "password-rotation-late",
        "registered by the new password after",
        changed[0].evidence,
        bound[0].evidence,
        hint="Until then the line cannot be called: register anew as soon as the configuration is there.",
    )


@check("pw.not-shown", passive=True)
def not_shown(question: Question) -> Judgement:
    """No password stands in SIP, in the User-Agent, in the log or in the clear: only its digest (PW-HIDDEN)."""
    seen_at = question.span.of(PasswordSeen)
    if seen_at:
        places = dict.fromkeys(f"{seen.event.place}: {printable(seen.event.what)}" for seen in seen_at)
        return question.failed(
            "password-shown",
            f"the password of a line in {'; '.join(places)}",
            "nothing but the digest that is made of it",
            *(seen.evidence for seen in seen_at[:5]),
            hint="Whoever reads that can register as the line. Take it out, and change the password. What was "
            "sent is in the capture of this run as well: keep that to yourself.",
        )
    watched = question.span.of(PasswordsWatched)
    if not watched:
        return question.unknown("not-watched", "nobody looked for passwords in what came from the device")
    registers = question.span.messages(method="REGISTER")
    if not registers:
        return question.unknown("nothing-seen", "the device sent no REGISTER")
    return question.passed(watched[0].evidence, registers[0].evidence)
