"""What a listener offers to any TLS client: the certificate battery, single versions, and a few behaviours.

Each offer says what is due from a client that meets it, and what decides whether the client has taken it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from certsuite.core.errors import BenchError, UsageError
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Level, Mark
from certsuite.tls.first_flight import StopAfter
from certsuite.tls.pki import Pki
from certsuite.tls.recipes import RECIPES, Due, GoodClient, Recipe
from certsuite.tls.server import TlsBehaviour
from certsuite.tls.templates import good_chain, is_address

GOOD = "good"
"The control: what every client must accept."

_FRAGMENT = 64
"Bytes of a handshake record of the fragmented offer: every message of the flight is in pieces."
_ABOUT_HOST_NAMES = frozenset({"wildcard", "san-proxy-only", "san-target-only", "name-constraints-violated"})
"Presentations that ask nothing of a client that connects to an IP address."


class About(StrEnum):
    """What an offer is about, and so what shows that a client has taken it."""

    CERTIFICATE = "certificate"
    "Application data: some clients look at the certificate only once the handshake is complete."
    VERSION = "version"
    "A completed handshake: the version is agreed on within it."
    HANDSHAKE = "handshake"
    "A completed handshake: it is about how that goes."
    BREAK = "break"
    "Nothing: the handshake cannot be completed."


@dataclass(frozen=True, eq=False, slots=True)
class Offer:
    """What is presented to a client, and what is due in answer."""

    name: str
    what: str
    behaviour: TlsBehaviour
    due: Due
    about: About


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A presentation that cannot be offered here."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Offers:
    """All that is offered, ``good`` first, and what is not."""

    offered: tuple[Offer, ...]
    left_out: tuple[LeftOut, ...] = ()


def make_offers(pki: Pki, only: Sequence[str] = ()) -> Offers:
    """Everything that can be offered for the names of ``pki``, or the offers named in ``only`` and ``good``.

    Blocks while keys are made. Raises :class:`UsageError` for a name in ``only`` that is none, or cannot be offered.
    """
    left_out = tuple(LeftOut(one.name, why) for one in RECIPES if (why := _not_for(one, pki)))
    others = (*_versions(pki), *_behaviours(pki))
    why_not = {one.name: one.why for one in left_out}
    names = [*(one.name for one in RECIPES if one.name not in why_not), *(one.name for one in others)]
    for name in only:
        if name in why_not:
            raise UsageError(f"{name} cannot be offered here: {why_not[name]}")
        if name not in names:
            raise UsageError(f"nothing is named {printable(name)!r}; there are {', '.join(names)}")
    wanted = {GOOD, *only} if only else set(names)
    presentations = tuple(
        Offer(one.name, one.description, TlsBehaviour(pki.presentation(one.name)), one.due, About.CERTIFICATE)
        for one in RECIPES
        if one.name in wanted and one.name not in why_not
    )
    offered = (*presentations, *(one for one in others if one.name in wanted))
    return Offers(offered, () if only else left_out)


def _not_for(recipe: Recipe, pki: Pki) -> str:
    """Why a presentation makes no sense for these names; empty if it does."""
    if is_address(pki.names.outbound_proxy) and recipe.name in _ABOUT_HOST_NAMES:
        return "it is about host names, and the certificates are for an IP address"
    good = good_chain(pki.names, pki.now)
    try:
        same = recipe.alter(good, pki.names, pki.now) == good
    except BenchError as error:
        return str(error)
    return "it is the same as good for this name" if same and recipe.name != GOOD else ""


def _versions(pki: Pki) -> tuple[Offer, ...]:
    """The good chain with one version of TLS alone."""
    good = pki.presentation(GOOD)
    # Levels and sources are those of the requirements TLS-MIN-1.2, TLS-1.2 and TLS-1.3.
    rows = (
        ("1.0", GoodClient.REFUSES, "RFC 8996 section 4: TLS 1.0 must not be used", Level.MANDATORY),
        ("1.1", GoodClient.REFUSES, "RFC 8996 section 5: TLS 1.1 must not be used", Level.MANDATORY),
        ("1.2", GoodClient.ACCEPTS, "https://help.webex.com/1mh2m9 (Support for TLS 1.2)", Level.MANDATORY),
        ("1.3", GoodClient.EITHER, "no source asks a device for TLS 1.3", Level.INFORMATIVE),
    )
    return tuple(
        Offer(
            f"tls-{number}",
            f"the good chain, with TLS {number} alone",
            TlsBehaviour(good, versions=(f"TLSv{number.removesuffix('.0')}",)),
            Due(due, clause, Mark.PRIMARY if level is Level.MANDATORY else Mark.INFERRED, level),
            About.VERSION,
        )
        for number, due, clause, level in rows
    )


def _behaviours(pki: Pki) -> tuple[Offer, ...]:
    good = pki.presentation(GOOD)
    return (
        Offer(
            "asks-for-certificate",
            "the good chain, and the client is asked for a certificate, which it need not have",
            TlsBehaviour(good, asks_for_certificate=True),
            Due(
                GoodClient.ACCEPTS,
                "RFC 5246 section 7.4.6, RFC 8446 section 4.4.2: the answer may be empty",
                Mark.PRIMARY,
                Level.EXPECTED,
            ),
            About.HANDSHAKE,
        ),
        Offer(
            "fragmented",
            f"the good chain with TLS 1.2, in records of {_FRAGMENT} bytes",
            TlsBehaviour(good, versions=("TLSv1.2",), fragment=_FRAGMENT),
            Due(GoodClient.ACCEPTS, "RFC 5246 section 6.2.1: messages span records", Mark.PRIMARY, Level.EXPECTED),
            About.HANDSHAKE,
        ),
        Offer(
            "closes-in-handshake",
            "the connection is closed after the ServerHello",
            TlsBehaviour(good, stop_after=StopAfter.SERVER_HELLO),
            Due(
                GoodClient.EITHER,
                "the client has to live with it: see whether it comes back",
                Mark.INFERRED,
                Level.INFORMATIVE,
            ),
            About.BREAK,
        ),
    )
