"""The certificate battery as data: what each presentation alters of the good chain, and what is due in answer.

Every presentation other than ``good`` differs from it in exactly one property, so that a device's answer to it is an
answer about that property. A further one is a row of :data:`RECIPES`: a function that alters the good chain's
template, and what the standards say of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cryptography.x509.oid import ExtendedKeyUsageOID

from certsuite.core.errors import BenchError
from certsuite.core.verdicts import Level, Mark
from certsuite.tls.keys import KeyKind
from certsuite.tls.templates import AFTER, COMMON_NAME_LIMIT, ChainTemplate, Digest, IntermediateTemplate, Names, Part

REVOCATION_LIST_PORT = 8880
"Where the list is served: not on port 80, which takes rights."
STATUS_REQUEST = 5
"The ClientHello's extension that asks for a stapled OCSP answer (RFC 6066 section 8)."

_FAR_FROM_NOW = timedelta(days=2)
"More than any time zone or drift of a clock that is set at all."
_LARGE_NAMES = 230
"Host names of a leaf of about 20 kB."
_LABEL_LIMIT = 63
"Characters of a label (RFC 1035 section 2.3.4)."


def revocation_list_url(names: Names) -> str:
    """Where the list of revoked certificates is, in the outbound proxy's domain."""
    return f"http://{names.below_parent('crl')}:{REVOCATION_LIST_PORT}/lab.crl"


class GoodClient(StrEnum):
    """What a client that verifies as the standards say makes of a presentation."""

    ACCEPTS = "accept"
    REFUSES = "refuse"
    EITHER = "either"
    "The standards leave it open, or contradict each other: what the device does is recorded."


Alter = Callable[[ChainTemplate, Names, datetime], ChainTemplate]
"Gives the chain with one thing changed: (good chain, names, the run's beginning)."


@dataclass(frozen=True, slots=True)
class Due:
    """What is due from a client that is shown a presentation."""

    verdict_for_a_good_client: GoodClient
    clause: str
    "Where that is written."
    mark: Mark
    level: Level
    "How binding it is: the level of the requirement of the case that presents it."
    only_if_offered: int | None = None
    "The verdict holds only for a ClientHello with this extension; for others either answer is good."


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a presentation comes about, and what is due in answer."""

    name: str
    differs_in: str
    "The one property in which it differs from ``good``; empty for ``good`` itself."
    description: str
    due: Due
    alter: Alter


def _leaf(**changes: Any) -> Alter:
    return lambda chain, names, now: replace(chain, leaf=replace(chain.leaf, **changes))


def _chain(**changes: Any) -> Alter:
    return lambda chain, names, now: replace(chain, **changes)


def _named(chain: ChainTemplate, common_name: str, *dns_names: str) -> ChainTemplate:
    return replace(chain, leaf=replace(chain.leaf, common_name=common_name, dns_names=dns_names, ip_addresses=()))


def _neighbour(names: Names) -> str:
    """A name in the outbound proxy's domain that is none of ``names``."""
    candidates = (names.below_parent(f"other{number or ''}") for number in range(len(names.all) + 1))
    return next(name for name in candidates if name not in names.all)


def _other_host(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    neighbour = _neighbour(names)
    return _named(chain, neighbour, neighbour)


def _wildcard(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    pattern = names.below_parent("*")
    return _named(chain, pattern, pattern)


def _addresses_only(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    # The common name says nothing more, or a client that falls back on it would answer another question.
    leaf = replace(chain.leaf, common_name=names.addresses[0], dns_names=(), ip_addresses=names.addresses)
    return replace(chain, leaf=leaf)


def _targets_only(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    targets = tuple(target for target in names.targets if target != names.outbound_proxy)
    if not targets:
        raise BenchError("a certificate for the SRV targets alone needs a target beside the outbound proxy")
    return _named(chain, targets[0], *targets)


def _common_name_only(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    return _named(_right_common_name(chain), names.outbound_proxy)


def _common_name_beside_wrong_ones(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    return _named(_right_common_name(chain), names.outbound_proxy, _neighbour(names))


def _right_common_name(chain: ChainTemplate) -> ChainTemplate:
    if len(chain.leaf.common_name) > COMMON_NAME_LIMIT:
        raise BenchError(f"{chain.leaf.common_name!r} does not fit into a common name of {COMMON_NAME_LIMIT}")
    return chain


def _proxy_only(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    return _named(chain, names.outbound_proxy, names.outbound_proxy)


def _expired(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    leaf = replace(chain.leaf, not_before=now - _FAR_FROM_NOW - AFTER, not_after=now - _FAR_FROM_NOW)
    return replace(chain, leaf=leaf)


def _not_yet_valid(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    leaf = replace(chain.leaf, not_before=now + _FAR_FROM_NOW, not_after=now + _FAR_FROM_NOW + AFTER)
    return replace(chain, leaf=leaf)


def _large(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    room = min(_LABEL_LIMIT, 250 - len(names.parent))
    more = (names.below_parent(f"host-{number:03}-".ljust(room, "x")) for number in range(_LARGE_NAMES))
    return replace(chain, leaf=replace(chain.leaf, dns_names=(*chain.leaf.dns_names, *more)))


def _revocation_list(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    return replace(chain, leaf=replace(chain.leaf, crl_url=revocation_list_url(names)))


def _unreachable_list(chain: ChainTemplate, names: Names, now: datetime) -> ChainTemplate:
    return replace(chain, leaf=replace(chain.leaf, crl_url=f"http://{names.below_parent('no-crl')}/lab.crl"))


_ACCEPTS, _REFUSES, _EITHER = GoodClient.ACCEPTS, GoodClient.REFUSES, GoodClient.EITHER
_MANDATORY, _EXPECTED, _RECORDED = Level.MANDATORY, Level.EXPECTED, Level.INFORMATIVE

OTHER_TRUSTED_ROOT = Recipe(
    "other-trusted-root",
    "root",
    "the same names under the second root that the device was given",
    Due(_ACCEPTS, "RFC 5280 section 6.1: any of the trust anchors will do", Mark.PRIMARY, _EXPECTED),
    _chain(authority="other"),
)
"It is not of the battery: a device that was given the lab root alone does not know it."

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        "good",
        "",
        "the lab root's chain, with the outbound proxy's name",
        Due(_ACCEPTS, "RFC 5280 section 6", Mark.PRIMARY, _MANDATORY),
        _chain(),
    ),
    Recipe(
        "unknown-root",
        "root",
        "the same names under a root that nobody trusts",
        Due(_REFUSES, "RFC 5280 section 6.1: the path must begin at a trust anchor", Mark.PRIMARY, _MANDATORY),
        _chain(authority="unknown"),
    ),
    Recipe(
        "wrong-host",
        "host names",
        "the lab root's chain for another host of the same domain",
        Due(_REFUSES, "RFC 5922 section 7.3, RFC 9525 section 6", Mark.PRIMARY, _MANDATORY),
        _other_host,
    ),
    Recipe(
        "expired",
        "validity",
        "a leaf that expired two days ago",
        Due(_REFUSES, "RFC 5280 section 6.1.3 (a)(2)", Mark.PRIMARY, _MANDATORY),
        _expired,
    ),
    Recipe(
        "not-yet-valid",
        "validity",
        "a leaf that becomes valid in two days",
        Due(_REFUSES, "RFC 5280 section 6.1.3 (a)(2)", Mark.PRIMARY, _MANDATORY),
        _not_yet_valid,
    ),
    Recipe(
        "self-signed",
        "issuer",
        "a leaf that signs itself, with the right names",
        Due(_REFUSES, "RFC 5280 section 6.1: the path must begin at a trust anchor", Mark.PRIMARY, _MANDATORY),
        _chain(issued_by=Part.LEAF, sent=(Part.LEAF,)),
    ),
    Recipe(
        "no-intermediate",
        "certificates sent",
        "the good leaf, sent without its intermediate",
        Due(
            _EITHER,
            "RFC 5246 section 7.4.2: the fault is the server's; a client may have what is missing",
            Mark.PRIMARY,
            _RECORDED,
        ),
        _chain(sent=(Part.LEAF,)),
    ),
    Recipe(
        "superfluous-certificates",
        "certificates sent",
        "the good chain, followed by its root and by a stranger",
        Due(_ACCEPTS, "RFC 8446 section 4.4.2: be prepared for extraneous certificates", Mark.PRIMARY, _EXPECTED),
        _chain(sent=(Part.LEAF, Part.INTERMEDIATE, Part.ROOT, Part.STRANGER)),
    ),
    Recipe(
        "misordered-chain",
        "certificates sent",
        "leaf, root, intermediate: not in the order of signing",
        Due(
            _EITHER,
            "RFC 8446 section 4.4.2: be prepared for any order; RFC 5246 section 7.4.2 knows but one",
            Mark.PRIMARY,
            _RECORDED,
        ),
        _chain(sent=(Part.LEAF, Part.ROOT, Part.INTERMEDIATE)),
    ),
    Recipe(
        "cn-only",
        "subjectAltName",
        "no subjectAltName; the common name is right",
        Due(
            _EITHER,
            "RFC 5922 section 7.1: the common name may be looked at then; RFC 9525 section 2: never",
            Mark.PRIMARY,
            _RECORDED,
        ),
        _common_name_only,
    ),
    Recipe(
        "san-wrong-cn-right",
        "subjectAltName",
        "a wrong subjectAltName beside a right common name",
        Due(
            _REFUSES,
            "RFC 5922 section 7.1: the common name counts if and only if there is no subjectAltName",
            Mark.PRIMARY,
            _MANDATORY,
        ),
        _common_name_beside_wrong_ones,
    ),
    Recipe(
        "wildcard",
        "host names",
        "a wildcard in place of the outbound proxy's first label",
        Due(
            _EITHER,
            "RFC 5922 section 7.2: wildcards must not match; RFC 9525 section 6.3: they may",
            Mark.PRIMARY,
            _RECORDED,
        ),
        _wildcard,
    ),
    Recipe(
        "ip-address-only",
        "host names",
        "the edges' IP addresses, and no host name",
        Due(
            _REFUSES, "RFC 5922 section 7.1, RFC 9525 section 6: what was asked for is a name", Mark.PRIMARY, _MANDATORY
        ),
        _addresses_only,
    ),
    Recipe(
        "san-proxy-only",
        "subjectAltName",
        "the outbound proxy's name, without those of the SRV targets",
        Due(
            _ACCEPTS, "RFC 3263 section 4, RFC 5922 section 7: the name before the SRV query", Mark.PRIMARY, _MANDATORY
        ),
        _proxy_only,
    ),
    Recipe(
        "san-target-only",
        "host names",
        "the SRV targets' names, without the outbound proxy's",
        Due(
            _EITHER,
            "RFC 3263 section 4 asks for the name before the SRV query; devices in the field take the target's too",
            Mark.SECONDARY,
            _RECORDED,
        ),
        _targets_only,
    ),
    Recipe(
        "wrong-eku",
        "extended key usage",
        "a leaf for clients alone",
        Due(_REFUSES, "RFC 5280 section 4.2.1.12", Mark.PRIMARY, _EXPECTED),
        _leaf(usages=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
    ),
    Recipe(
        "intermediate-not-ca",
        "basic constraints of the intermediate",
        "an intermediate that is no authority",
        Due(_REFUSES, "RFC 5280 section 6.1.4 (k)", Mark.PRIMARY, _MANDATORY),
        _chain(intermediate=IntermediateTemplate(is_authority=False, path_length=None)),
    ),
    Recipe(
        "path-length-exceeded",
        "length of the path",
        "an authority below one that may have none below it",
        Due(_REFUSES, "RFC 5280 section 6.1.4 (l)", Mark.PRIMARY, _EXPECTED),
        _chain(issued_by=Part.SUB_AUTHORITY, sent=(Part.LEAF, Part.SUB_AUTHORITY, Part.INTERMEDIATE)),
    ),
    Recipe(
        "name-constraints-violated",
        "name constraints",
        "an intermediate that may sign for another domain only",
        Due(_REFUSES, "RFC 5280 section 6.1.3 (b) and (c)", Mark.PRIMARY, _EXPECTED),
        _chain(intermediate=IntermediateTemplate(permitted=("elsewhere.invalid",))),
    ),
    Recipe(
        "sha1-signature",
        "digest of the signature",
        "a leaf signed over a SHA-1 digest",
        Due(_REFUSES, "RFC 8446 section 4.4.2.4: it is recommended to abort", Mark.PRIMARY, _EXPECTED),
        _leaf(digest=Digest.SHA1),
    ),
    Recipe(
        "md5-signature",
        "digest of the signature",
        "a leaf signed over an MD5 digest",
        Due(_REFUSES, "RFC 8446 section 4.4.2.4: must abort", Mark.PRIMARY, _EXPECTED),
        _leaf(digest=Digest.MD5),
    ),
    Recipe(
        "rsa-1024-leaf",
        "key",
        "a leaf with an RSA key of 1024 bits",
        Due(_REFUSES, "RFC 9325 section 4.5: at least 2048 bits; NIST SP 800-131A", Mark.PRIMARY, _EXPECTED),
        _leaf(key=KeyKind.RSA_1024),
    ),
    Recipe(
        "leaf-is-ca",
        "basic constraints of the leaf",
        "a leaf that is an authority as well",
        Due(_EITHER, "RFC 5280 section 6.1 does not forbid it; some stacks do", Mark.INFERRED, _RECORDED),
        _leaf(is_authority=True),
    ),
    Recipe(
        "rsa-3072",
        "key",
        "a leaf with an RSA key of 3072 bits",
        Due(_ACCEPTS, "https://help.webex.com/en-us/article/WBX000028782", Mark.PRIMARY, _EXPECTED),
        _leaf(key=KeyKind.RSA_3072),
    ),
    Recipe(
        "rsa-4096",
        "key",
        "a leaf with an RSA key of 4096 bits",
        Due(_ACCEPTS, "https://help.webex.com/en-us/article/WBX000028782", Mark.INFERRED, _EXPECTED),
        _leaf(key=KeyKind.RSA_4096),
    ),
    Recipe(
        "ecdsa-p256",
        "key",
        "a leaf with an ECDSA key on the curve P-256",
        Due(_EITHER, "RFC 8422; the suites that Webex publishes are RSA's", Mark.PRIMARY, _RECORDED),
        _leaf(key=KeyKind.ECDSA_P256),
    ),
    Recipe(
        "large-chain",
        "size",
        "a chain of about 20 kB, by further host names: more than one TLS record holds",
        Due(_ACCEPTS, "RFC 5246 section 6.2.1, RFC 8446 section 5.1: messages span records", Mark.PRIMARY, _EXPECTED),
        _large,
    ),
    Recipe(
        "revoked-stapled",
        "stapled OCSP answer",
        "an OCSP answer is stapled: the leaf is revoked",
        Due(
            _REFUSES,
            "RFC 6066 section 8: who asked must check the answer, and abort",
            Mark.PRIMARY,
            _EXPECTED,
            only_if_offered=STATUS_REQUEST,
        ),
        _chain(stapled_revoked=True),
    ),
    Recipe(
        "revoked-crl",
        "revocation list",
        "a list of revoked certificates is named, and the leaf stands in it",
        Due(_EITHER, "RFC 5280 section 6.3: for clients that check revocation", Mark.PRIMARY, _RECORDED),
        _revocation_list,
    ),
    Recipe(
        "crl-unreachable",
        "revocation list",
        "a list of revoked certificates is named that cannot be had",
        Due(_EITHER, "RFC 5280 section 6.3: what to do without a list is left open", Mark.PRIMARY, _RECORDED),
        _unreachable_list,
    ),
)
"Everything that an edge can present."

_BY_NAME = {recipe.name: recipe for recipe in RECIPES}


def recipe(name: str) -> Recipe:
    """The recipe of that name. Raises :class:`BenchError` if there is none."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise BenchError(f"no certificate chain is named {name!r}; there are {', '.join(_BY_NAME)}") from None
