"""Pure judgement: observations and limits in, verdict and findings out. Importing this registers every check."""

from certsuite.checks import (
    calls,
    client_hello,
    credentials,
    discovery,
    failover,
    handshake,
    identity,
    media,
    media_bearing,
    media_offers,
    registered,
    registrar,
    registration,
    resolution,
    sdes,
    tls,
    trust,
    walk,
)
from certsuite.checks.registry import Question, all_checks, find_check
from certsuite.checks.span import Span

__all__ = [
    "Question",
    "Span",
    "all_checks",
    "calls",
    "client_hello",
    "credentials",
    "discovery",
    "failover",
    "find_check",
    "handshake",
    "identity",
    "media",
    "media_bearing",
    "media_offers",
    "registered",
    "registrar",
    "registration",
    "resolution",
    "sdes",
    "tls",
    "trust",
    "walk",
]
