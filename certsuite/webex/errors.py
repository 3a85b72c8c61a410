"""The errors of talking to Webex. Each text names the request, what Webex said, its trackingId, and what to do.

::

    CertsuiteError
    └── WebexError               Webex did not do what was asked of it (exit code 3)
        ├── Unreachable          no connection, or no answer, for as long as was waited
        ├── Overloaded           423, 429 or 5xx for as long as was waited, or told to come back after that
        ├── OutcomeUnknown       the answer to a change was lost: it may have been made
        ├── UnexpectedAnswer     the answer is not what the API's description says
        └── Refused              it would be refused again (also a UsageError: exit code 4)
            ├── Unauthorized     401: the token is wrong or has expired, and could not be renewed
            │   └── TokensSwapped    access and refresh token were given in each other's place
            ├── Forbidden        403: the token lacks a scope, or its user a role
            ├── NotFound         404
            └── Conflict         409
"""

from __future__ import annotations

from certsuite.core.errors import CertsuiteError, UsageError
from certsuite.core.redaction import printable

_MESSAGE_AT_MOST = 500


class WebexError(CertsuiteError):
    """Webex did not do what was asked of it. The attributes are for programs, the text for people."""

    advice = ""
    "What to do, for the errors that always want the same."

    def __init__(
        self,
        problem: str,
        *,
        request: str = "",
        status: int | None = None,
        codes: tuple[int, ...] = (),
        tracking_id: str = "",
        advice: str = "",
    ) -> None:
        self.problem = printable(problem, at_most=_MESSAGE_AT_MOST)
        self.request = request
        "Method and path, such as ``POST /devices``."
        self.status = status
        "The HTTP status, if there was an answer."
        self.codes = codes
        "Webex' error codes, such as 5675."
        self.tracking_id = printable(tracking_id)
        "Names the request to Webex' support."
        parts = [": ".join(part for part in (request, self.problem) if part)]
        if advice or self.advice:
            parts.append(advice or self.advice)
        text = "; ".join(parts)
        super().__init__(f"{text} (trackingId {self.tracking_id})" if tracking_id else text)


class Unreachable(WebexError):
    """No connection, or no answer, for as long as was waited. A change was not made."""

    advice = "check the network and try again"


class Overloaded(WebexError):
    """423, 429 or 5xx for as long as was waited, or told to come back later than that."""

    advice = "try again later"


class OutcomeUnknown(WebexError):
    """The answer to a change was lost, or was an error of the server: it may have been made."""

    advice = "look whether it was done before you do it again"


class UnexpectedAnswer(WebexError):
    """The answer is not what the API's description says."""


class Refused(WebexError, UsageError):
    """The request was refused, and would be again."""


class Unauthorized(Refused):
    """401: the token is wrong or has expired, and could not be renewed."""

    advice = "get a new access token, or give what renews it: see docs/webex.md"


class TokensSwapped(Unauthorized):
    """Access and refresh token were given in each other's place."""

    advice = "exchange the two where they are set"


class Forbidden(Refused):
    """403: the token lacks a scope, or its user a role."""

    advice = "the token may lack a scope, or a full administrator has not authorized the app: see docs/webex.md"


class NotFound(Refused):
    """404: there is no such thing, or not in this organization."""

    advice = "check the id, and the organization (--org)"


class Conflict(Refused):
    """409: it goes against what there is already."""

    advice = "look at what is there by 'certsuite webex devices'"
