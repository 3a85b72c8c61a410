"""What the provisioning server answers, without a connection."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest

from certsuite.core.errors import UsageError
from certsuite.core.events import ProvisioningRequest
from certsuite.core.redaction import Secret
from certsuite.edge.provisioning_site import FAULTS, Access, Asked, Site
from certsuite.sip.digest import parameters, response

MAC = "02005e0000a1"
PASSWORD = "fetch me/9X%"
LINE = "line-one&7Z."
HOST = "dms.lab.example:8443"


def site(credentials: str = "basic") -> Site:
    made = Site(Access(credentials, "dms-1", Secret(PASSWORD), MAC, b"der"), secrets=lambda: [Secret(LINE)])
    made.files[f"{MAC}.toml"] = b"0123456789" * 10
    return made


def basic(password: str = PASSWORD) -> tuple[str, str]:
    return "authorization", "Basic " + base64.b64encode(f"dms-1:{password}".encode()).decode()


def asked(made: Site, *headers: tuple[str, str], name: str = f"{MAC}.toml", **about: Any) -> Asked:
    values: dict[str, Any] = {"secure": True, "method": "GET", "target": made.path + name, **about}
    return Asked(headers=[("host", HOST), *headers], **values)


def request_of(made: Site, one: Asked) -> ProvisioningRequest:
    return made.answer(one)[0]


def digest(made: Site, **changes: str) -> tuple[str, str]:
    """Right credentials for the site's own file, but for the changes."""
    _, refused, _ = made.answer(asked(made))
    challenge = parameters(dict(refused.headers)["WWW-Authenticate"])
    given = {
        "username": "dms-1",
        "realm": challenge["realm"],
        "nonce": challenge["nonce"],
        "uri": f"{made.path}{MAC}.toml",
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "c",
        **changes,
    }
    given["response"] = changes.get("response") or response(given, PASSWORD, "GET")
    return "authorization", "Digest " + ", ".join(f'{name}="{value}"' for name, value in given.items())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"username": "dms-2"}, "another user"),
        ({"nonce": "mine"}, "a nonce that was not given"),
        ({"uri": "/elsewhere"}, "its uri is not what is asked for"),
        ({"response": "0" * 32}, "the response is wrong"),
        ({"realm": "BroadWorks"}, "the realm that was asked for is provisioning; the response is wrong"),
    ],
)
def test_each_part_of_a_digest_counts(changes: dict[str, str], problem: str) -> None:
    made = site("digest")
    request, answer, _ = made.answer(asked(made, digest(made, **changes)))
    assert (request.accepted, request.problem, answer.status) == (not problem, problem, 401 if problem else 200)


@pytest.mark.parametrize(
    ("wanted", "headers", "certificate", "kind", "accepted"),
    [
        ("none", [], b"", "none", True),
        ("basic", [basic()], b"", "basic", True),
        ("basic", [basic("x")], b"", "basic", False),
        ("basic", [("authorization", "Bearer x")], b"", "bearer", False),
        ("digest", [basic()], b"", "basic", False),
        ("certificate", [], b"der", "certificate", True),
        ("certificate", [], b"other", "certificate", False),
        ("certificate", [basic()], b"der", "basic", False),
    ],
)
def test_who_asks(wanted: str, headers: list[tuple[str, str]], certificate: bytes, kind: str, accepted: bool) -> None:
    made = site(wanted)
    request = request_of(made, asked(made, *headers, certificate=certificate))
    assert (request.credentials, request.accepted) == (kind, accepted)
    assert bool(request.problem) == (not accepted)


@pytest.mark.parametrize("form", [PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), quote(LINE), LINE])
def test_a_password_in_the_target_is_seen_and_not_shown(form: str) -> None:
    made = site()
    request = request_of(made, asked(made, basic(), name=f"{MAC}.toml?password={form}"))
    assert request.secrets_in == ("target",)
    assert request.target == f"{made.path}{MAC}.toml?password=***"


@pytest.mark.parametrize("value", [PASSWORD, f"Acme ({LINE})", base64.b64encode(f"dms-1:{PASSWORD}".encode()).decode()])
def test_a_password_in_a_header_is_seen_and_not_shown(value: str) -> None:
    made = site()
    request, _, told = made.answer(asked(made, basic(), ("user-agent", value)))
    assert request.secrets_in == ("user-agent",)
    assert "***" in request.user_agent
    assert not any(secret in f"{request}{told}" for secret in (PASSWORD, LINE))


def test_authorization_is_the_place_for_it_and_is_not_recorded() -> None:
    made = site()
    request = request_of(made, asked(made, basic()))
    assert request.secrets_in == ()
    assert basic()[1] not in repr(request)


@pytest.mark.parametrize(
    ("name", "headers", "places"),
    [
        (f"{MAC}.toml", [], ("path",)),
        ("02-00-5E-00-00-A1.cfg", [], ("path",)),
        ("x.cfg", [("mac", "02:00:5e:00:00:a1"), ("user-agent", "Acme 0200.5E00.00A1")], ("mac", "user-agent")),
        ("x.cfg", [("mac", "02:00:5e:00:00:a2")], ()),
    ],
)
def test_where_the_mac_address_is(name: str, headers: list[tuple[str, str]], places: tuple[str, ...]) -> None:
    made = site()
    assert request_of(made, asked(made, *headers, name=name)).mac_in == places


@pytest.mark.parametrize(("tag", "status"), [("", 200), ('"old"', 200), ("*", 304), ("own", 304)])
def test_a_conditional_request(tag: str, status: int) -> None:
    made = site("none")
    own = made.etag(f"{MAC}.toml")
    _, answer, told = made.answer(asked(made, ("if-none-match", own if tag == "own" else tag)))
    assert (answer.status, told.etag) == (status, own)
    assert bool(answer.body) == (status == 200)


@pytest.mark.parametrize(("method", "status", "sent"), [("HEAD", 200, 0), ("PUT", 405, 25), ("DELETE", 405, 25)])
def test_other_methods(method: str, status: int, sent: int) -> None:
    made = site("none")
    _, answer, told = made.answer(asked(made, method=method))
    assert (answer.status, answer.sent, told.length) == (status, sent, sent)


def test_without_tls_there_is_nothing_whatever_is_asked() -> None:
    made = site("none")
    assert made.answer(asked(made, secure=False))[1].status == 403


def test_a_redirection_and_where_it_leads() -> None:
    made = site("none")
    made.redirect = "https://dms2.lab.example:8443/operator/1/"
    _, answer, told = made.answer(asked(made))
    assert (answer.status, told.location) == (302, f"{made.redirect}{MAC}.toml")
    there = Asked(True, "GET", f"/operator/1/{MAC}.toml", [("host", "dms2.lab.example:8443")])
    assert made.answer(there)[1].status == 200


def test_what_is_truncated_is_never_unchanged_and_a_challenge_is_whole() -> None:
    made = site()
    made.fails("truncated")
    _, refused, told = made.answer(asked(made))
    assert (refused.status, refused.sent, told.fault) == (401, len(refused.body), "")
    _, answer, told = made.answer(asked(made, basic(), ("if-none-match", '"old"')))
    assert (answer.status, answer.sent, told.length, told.fault) == (200, 90, 90, "truncated")


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_told(fault: str) -> None:
    made = site("none")
    made.fails(fault)
    _, answer, told = made.answer(asked(made))
    assert told.fault == fault
    assert told.status == (0 if answer.fault.silent else answer.fault.status or 200)
    made.fails("")
    assert made.answer(asked(made))[2].fault == ""


def test_a_fault_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="knows no fault 'on fire'; it knows not found"):
        site().fails("on fire")
