"""What a provisioning server has for one device, and how it answers a request: no connection is in here.

Authentication is by RFC 7617 (Basic), RFC 7616 (Digest, in its older form with MD5, which phones know), or by the
certificate that was presented in TLS. Conditional requests are by RFC 9110 section 13.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, quote_plus, unquote, urlsplit

from certsuite.core.errors import UsageError
from certsuite.core.events import ProvisioningAnswer, ProvisioningRequest
from certsuite.core.redaction import Secret, printable
from certsuite.sip.digest import Challenge, assess, parameters

REALM = "provisioning"
_CHALLENGE = Challenge(realm=REALM)
_SHOWN = 300
_TELLING = 6
"Characters of a secret from which on it is found in a text for certain, and not by chance."
_MAC_SEPARATORS = re.compile(r"[:.\-]|%3a", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Access:
    """Who the device is, and how it has to show that."""

    credentials: str
    "How: ``none``, ``basic``, ``digest`` or ``certificate``."
    user: str
    password: Secret
    mac: str
    "Twelve hexadecimal digits."
    certificate: bytes = b""
    "The one that it was given, in DER."


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which an answer goes wrong."""

    status: int = 0
    "Answers so; 0 is the right answer, as far as it goes."
    silent: bool = False
    "Takes the request and never answers."
    truncated: bool = False
    "Ends the connection after nine tenths of the body."


FAULTS: dict[str, Fault] = {
    "not found": Fault(404),
    "forbidden": Fault(403),
    "server error": Fault(500),
    "unavailable": Fault(503),
    "silent": Fault(silent=True),
    "truncated": Fault(truncated=True),
}
"Faults by name. A server that is away is one that does not listen."


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    secure: bool
    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    "Names in lower case."
    certificate: bytes = b""
    "What the client presented in TLS, in DER."

    def header(self, name: str) -> str:
        """A header's value, the first one; empty without."""
        return next((value for given, value in self.headers if given == name), "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    fault: Fault = Fault()
    sent: int = 0
    "Bytes of the body that are sent."


@dataclass
class Site:
    """The files of one device below a path of its own, and what is asked of whoever wants them."""

    access: Access
    secrets: Callable[[], Sequence[Secret]] = lambda: ()
    "Passwords that must stand in no URL and in no header, as they are now."
    files: dict[str, bytes] = field(default_factory=dict)
    "What there is, by name."
    fault: str = ""
    "Name of what goes wrong now; empty if nothing."
    asks_for: str = ""
    "What is asked for in place of the access' own credentials; empty: those."
    redirect: str = ""
    "URL below which the files are; whoever asks for one elsewhere is sent there. Empty: they are where they are asked."
    path: str = field(default_factory=lambda: f"/dms/{secrets.token_hex(8)}/")
    "The device's own path. It ends in a slash, and so do URLs."
    _nonces: set[str] = field(default_factory=set)

    def fails(self, fault: str) -> None:
        """From now on answers go wrong so; empty: right again. Raises :class:`UsageError` for one there is not."""
        if fault and fault not in FAULTS:
            raise UsageError(f"the provisioning server knows no fault {fault!r}; it knows {', '.join(FAULTS)}")
        self.fault = fault

    def etag(self, name: str) -> str:
        """The entity tag of a file; empty if there is none of that name."""
        content = self.files.get(name)
        return "" if content is None else f'"{hashlib.sha256(content).hexdigest()[:16]}"'

    def answer(self, asked: Asked) -> tuple[ProvisioningRequest, Answer, ProvisioningAnswer]:
        """What is answered, between what the record gets of the request and of the answer."""
        kind, accepted, problem = self._judged(asked)
        request = ProvisioningRequest(
            secure=asked.secure,
            method=printable(asked.method, at_most=_SHOWN),
            host=self._shown(asked.header("host")),
            target=self._shown(asked.target),
            user_agent=self._shown(asked.header("user-agent")),
            mac_in=tuple(self._mac_places(asked)),
            credentials=kind,
            accepted=accepted,
            problem=problem,
            secrets_in=tuple(self._secret_places(asked)),
            if_none_match=printable(asked.header("if-none-match"), at_most=_SHOWN),
        )
        return request, *self._told(asked, self._answer(asked, accepted))

    # --- what is answered

    def _answer(self, asked: Asked, accepted: bool) -> Answer:
        fault = FAULTS[self.fault] if self.fault else Fault()
        if fault.status:
            return _text(fault.status, self.fault)
        if not asked.secure:
            return _text(403, "HTTPS is needed")
        if asked.method not in ("GET", "HEAD"):
            return _text(405, "this server is read alone")
        path = unquote(urlsplit(asked.target).path)
        if self.redirect:
            name = path.rpartition("/")[2]
            if not f"https://{asked.header('host')}{path}".startswith(self.redirect):
                return Answer(302, (("Location", self.redirect + quote(name)),))
        else:
            name = path.removeprefix(self.path) if path.startswith(self.path) else ""
        if not accepted:
            return self._challenge()
        content = self.files.get(name)
        if content is None:
            return _text(404, "there is no such file")
        etag = (("ETag", self.etag(name)),)
        if asked.header("if-none-match") in (self.etag(name), "*"):
            return Answer(304, etag)
        return Answer(200, (*etag, ("Content-Type", "application/octet-stream")), content)

    def _challenge(self) -> Answer:
        match self.asks_for or self.access.credentials:
            case "basic":
                value = f'Basic realm="{REALM}"'
            case "digest":
                nonce = secrets.token_hex(16)
                self._nonces.add(nonce)
                value = f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"'
            case _:
                return _text(403, "a certificate of the device is needed")
        return Answer(401, (("WWW-Authenticate", value), ("Content-Type", "text/plain")), b"authentication is needed")

    def _told(self, asked: Asked, answer: Answer) -> tuple[Answer, ProvisioningAnswer]:
        """The answer with how much of it is sent, and its event."""
        fault = FAULTS[self.fault] if self.fault else Fault()
        if fault.truncated and answer.status != 200:
            fault = Fault()
        sent = len(answer.body) * 9 // 10 if fault.truncated else len(answer.body)
        if asked.method == "HEAD":
            sent = 0
        headers = dict(answer.headers)
        event = ProvisioningAnswer(
            target=self._shown(asked.target),
            status=0 if fault.silent else answer.status,
            etag=headers.get("ETag", ""),
            length=0 if fault.silent else sent,
            location=headers.get("Location", ""),
            fault=self.fault if fault != Fault() else "",
        )
        return replace(answer, fault=fault, sent=sent), event

    # --- who asks

    def _judged(self, asked: Asked) -> tuple[str, bool, str]:
        """(what it authenticated with, whether that is right, why not)."""
        wanted = self.asks_for or self.access.credentials
        scheme, _, value = asked.header("authorization").strip().partition(" ")
        given = scheme.lower() or ("certificate" if asked.certificate else "none")
        if wanted == "none":
            return given, True, ""
        if given != wanted:
            return given, False, "" if given == "none" else f"{wanted} is asked for"
        match given:
            case "basic":
                right = value.strip() == _basic(self.access)
                return given, right, "" if right else "another user or password"
            case "digest":
                return (given, *self._digest(asked))
            case _:
                right = asked.certificate == self.access.certificate
                return given, right, "" if right else "another certificate"

    def _digest(self, asked: Asked) -> tuple[bool, str]:
        given = parameters(asked.header("authorization"))
        judged = assess(
            given,
            password=self.access.password,
            username=self.access.user,
            nonces=self._nonces,
            method=asked.method,
            asked=_CHALLENGE,
        )
        problems = [judged.detail] if judged.detail else []
        if not judged.response_right:
            problems.append("the response is wrong")
        if not judged.username_right:
            problems.append("another user")
        if not judged.nonce_right:
            problems.append("a nonce that was not given")
        if given.get("uri") != asked.target:
            problems.append("its uri is not what is asked for")
        return not problems, printable("; ".join(problems))

    # --- what it says beside that

    def _mac_places(self, asked: Asked) -> Iterator[str]:
        if self.access.mac and self.access.mac in _MAC_SEPARATORS.sub("", asked.target).lower():
            yield "path"
        for name, value in asked.headers:
            # What stands there is the path once more.
            if (
                name != "authorization"
                and self.access.mac
                and self.access.mac in _MAC_SEPARATORS.sub("", value).lower()
            ):
                yield printable(name)

    def _secret_places(self, asked: Asked) -> Iterator[str]:
        forms = self._secret_forms()
        if any(form in asked.target for form in forms):
            yield "target"
        for name, value in asked.headers:
            if name != "authorization" and any(form in value for form in forms):
                yield printable(name)

    def _shown(self, text: str) -> str:
        for form in self._secret_forms():
            text = text.replace(form, "***")
        return printable(text, at_most=_SHOWN)

    def _secret_forms(self) -> list[str]:
        """Secrets in every way in which a device may write them, the longest first."""
        forms = {_basic(self.access)} if self.access.password.reveal() else set()
        for secret in (self.access.password, *self.secrets()):
            text = secret.reveal()
            if len(text) >= _TELLING:
                forms |= {text, quote(text, safe=""), quote(text), quote_plus(text), _base64(text)}
        return sorted(forms, key=len, reverse=True)


def _text(status: int, words: str) -> Answer:
    return Answer(status, (("Content-Type", "text/plain"),), words.encode())


def _basic(access: Access) -> str:
    return _base64(f"{access.user}:{access.password.reveal()}")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
