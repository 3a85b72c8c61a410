"""Requests over HTTPS: at most ten at once, tried again when that can help, and every failure an error of ours.

What may be tried again depends on what is known of the first time. After 423 and 429, or without a connection, nothing
was done. After 5xx, or when the answer was lost, it may have been: then only a repeatable request is sent again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

import httpx

from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret, masked, printable
from certsuite.webex.clock import Clock, SystemClock
from certsuite.webex.errors import (
    Conflict,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Refused,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    WebexError,
)
from certsuite.webex.request import Request

WEBEX = "https://webexapis.com/v1"
AT_ONCE = 10
"Requests at a time; the practice of the field (wxc_sdk), since Webex gives no number for Calling."
PATIENCE_S = 30.0
"How long one answer is waited for."
DEADLINE_S = 120.0
"How long a request is tried again, all in all."
BACK_OFF_S = 1.0
"The first pause when Webex says nothing of it; each is twice the one before."
BACK_OFF_LIMIT_S = 60.0
_CONNECT_TRIES = 3

_NOT_YET = (423, 429)
_REFUSALS: dict[int, type[Refused]] = {401: Unauthorized, 403: Forbidden, 404: NotFound, 409: Conflict}

Teller = Callable[[str], None]
"Is called with each request of a dry run, in one line."


def back_off(tries: int) -> float:
    """Seconds to wait after so many tries, the first being 0."""
    return min(BACK_OFF_S * 2.0 ** min(tries, 16), BACK_OFF_LIMIT_S)


def base_url(emulator: str | None) -> str:
    """Where the API is: Webex, or an emulator on this machine. Raises :class:`UsageError` for any other place."""
    if emulator is None:
        return WEBEX
    try:
        url = httpx.URL(emulator)
        local = url.scheme in ("http", "https") and ip_address(url.host).is_loopback
    except (httpx.InvalidURL, ValueError):
        local = False
    if not local or url.userinfo or url.query or url.fragment:
        raise UsageError(
            f"{printable(emulator)}: an emulator's URL is http://127.0.0.1:PORT/v1; tokens go nowhere else"
        )
    return str(url).rstrip("/")


class Wire:
    """The way to Webex or to an emulator. An async context manager."""

    def __init__(
        self,
        emulator: str | None = None,
        *,
        root: Path | None = None,
        clock: Clock | None = None,
        patience_s: float = PATIENCE_S,
        deadline_s: float = DEADLINE_S,
        dry_run: Teller | None = None,
        user_agent: str = "certsuite",
    ) -> None:
        """``root`` is the root certificate of an emulator with TLS. Certificates are always verified.

        Raises :class:`UsageError` for a base URL that is neither Webex nor on this machine.
        """
        self.base = base_url(emulator)
        self.clock = clock or SystemClock()
        self.deadline_s = deadline_s
        self._dry_run = dry_run
        if root is not None and emulator is None:
            raise UsageError("a root certificate is for an emulator: Webex is verified by the roots that httpx brings")
        self._http = httpx.AsyncClient(
            headers={"User-Agent": user_agent, "Accept": "application/json"},
            timeout=httpx.Timeout(patience_s, pool=None),
            verify=_trusting(root) if root else True,
            # A proxy of the environment is for the network, not for this machine.
            trust_env=emulator is None,
        )
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._quiet_until = float("-inf")

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def deadline(self) -> float:
        """When a request of now is given up, on the clock's monotonic time."""
        return self.clock.monotonic() + self.deadline_s

    async def send(
        self, request: Request, bearer: Secret | None = None, *, until: float | None = None
    ) -> httpx.Response | None:
        """Send a request until it is answered by 2xx, and give that; None if a dry run did not send it.

        Raises :class:`WebexError`: what it is says whether the request was done.
        """
        if self._dry_run is not None:
            self._dry_run(request.shown(self.base) + ("   (not sent)" if request.changes else ""))
            if request.changes:
                return None
        until = self.deadline() if until is None else until
        secrets = [*request.secrets, *([bearer] if bearer else [])]
        due = float("-inf")
        problem: WebexError | None = None
        tries = 0
        while True:
            await self._wait(due, until, problem or Overloaded("Webex asked for fewer requests", request=request.name))
            try:
                async with self._slots:
                    answer = await self._exchange(request, bearer)
            except httpx.RequestError as error:
                problem = _lost(error, request)
                if _sent(error) and not request.repeatable:
                    raise problem from error
                if not _sent(error) and (_distrusted(error) or tries + 1 >= _CONNECT_TRIES):
                    raise problem from error
                due = self.clock.monotonic() + back_off(tries)
            else:
                if answer.is_success:
                    return answer
                problem = _problem(answer, request, secrets)
                if not isinstance(problem, Overloaded):
                    raise problem
                told = _retry_after(answer, self.clock.utc())
                due = self.clock.monotonic() + max(told or back_off(tries), BACK_OFF_S)
                if answer.status_code == 429:
                    self._quiet_until = max(self._quiet_until, due)
            tries += 1

    async def _exchange(self, request: Request, bearer: Secret | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer.reveal()}"} if bearer else {}
        url = request.path if request.path.startswith(self.base) else self.base + request.path
        return await self._http.request(
            request.method, url, params=dict(request.query) or None, headers=headers, **request.content()
        )

    async def _wait(self, due: float, until: float, problem: WebexError) -> None:
        while (pause := max(due, self._quiet_until) - self.clock.monotonic()) > 0:
            if self.clock.monotonic() + pause > until:
                raise problem
            await self.clock.sleep(pause)


def document(answer: httpx.Response, request: Request) -> dict[str, object]:
    """The JSON object of an answer. Raises :class:`UnexpectedAnswer` for anything else."""
    try:
        data = answer.json()
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise UnexpectedAnswer(
            "the answer is no JSON object",
            request=request.name,
            status=answer.status_code,
            tracking_id=_tracking(answer),
        )
    return data


def _problem(answer: httpx.Response, request: Request, secrets: list[Secret]) -> WebexError:
    """The error that an answer other than 2xx is, with what its envelope says."""
    status = answer.status_code
    envelope = _envelope(answer)
    details = [one for one in _list(envelope.get("errors")) if isinstance(one, dict)]
    texts = [str(envelope.get("message") or "")] + [str(one.get("description") or "") for one in details]
    said = ", ".join(dict.fromkeys(text.rstrip(".") for text in texts if text))
    codes = tuple(int(code) for one in details if str(code := one.get("errorCode", "")).isdecimal())
    text = masked(f"{status} {answer.reason_phrase}".strip() + (f": {said}" if said else ""), secrets)
    if codes:
        text += f" (code {', '.join(map(str, codes))})"
    kind: type[WebexError]
    if status in _NOT_YET:
        kind = Overloaded
    elif status >= 500:
        kind = Overloaded if request.repeatable else OutcomeUnknown
    elif status >= 400:
        kind = _REFUSALS.get(status, Refused)
    else:
        kind = UnexpectedAnswer
    advice = ""
    if told := answer.headers.get("retry-after"):
        advice = f"try again later (Retry-After: {printable(told)})" if kind is Overloaded else ""
    tracking = str(envelope.get("trackingId") or "") or _tracking(answer)
    return kind(text, request=request.name, status=status, codes=codes, tracking_id=tracking, advice=advice)


def _envelope(answer: httpx.Response) -> dict[str, object]:
    try:
        data = answer.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _tracking(answer: httpx.Response) -> str:
    return str(answer.headers.get("trackingid", ""))


def _retry_after(answer: httpx.Response, now: float) -> float | None:
    """Seconds that ``Retry-After`` asks for (RFC 9110 section 10.2.3); None if it is not there or says nothing."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now


def _sent(error: httpx.RequestError) -> bool:
    """Whether the request may have reached the server."""
    return not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError)


def _lost(error: httpx.RequestError, request: Request) -> WebexError:
    if not _sent(error):
        what = "no connection" if not _distrusted(error) else "the server's certificate is not trusted"
        return Unreachable(f"{what}: {printable(str(error)) or type(error).__name__}", request=request.name)
    why = "no answer in time" if isinstance(error, httpx.TimeoutException) else "the connection ended before the answer"
    return (Unreachable if request.repeatable else OutcomeUnknown)(why, request=request.name)


def _distrusted(error: BaseException) -> bool:
    """Whether the server's certificate was not taken; it will not be the next time."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _trusting(root: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(root))
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{root}: no root certificate in PEM can be read from it: {error.__class__.__name__}"
        ) from error
