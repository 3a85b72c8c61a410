"""No password of a run stays in anything that it leaves, in whatever form: looked for in every file of its folder.

The run is one with provisioning, rotated passwords and passwords of all signs, on a device that keeps its secrets, and
on devices that are given the user's own and put them where they must not be.
"""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest

from certsuite.bench.execution import CaseFunction
from certsuite.bench.network import REGISTRAR_DOMAIN
from certsuite.bench.planning import in_order
from certsuite.bench.run import RunOptions
from certsuite.catalogue import load_catalogue
from certsuite.core.cases import Case, declared_case
from certsuite.core.places import PROFILES, TESTCASES
from certsuite.core.redaction import Secret
from certsuite.devices.profile import load_profile
from certsuite.edge.provisioning_site import REALM
from certsuite.pytest_plugin.certification import Asked, Certification
from certsuite.sip.digest import BROADWORKS_REALM

CASES = (
    "PROV-010",
    "PROV-014",
    "PROV-024",
    "PROV-030",
    "PROV-036",
    "PROV-050",
    "PW-020",
    "PW-030",
    "PW-040",
    "REG-020",
)
REALMS = (BROADWORKS_REALM, REGISTRAR_DOMAIN, REALM, "device")
LEAKS = ("password-in-url", "logs-password", "sends-password", "password-in-sip-user-agent")
LEAST = 8
"What is shorter stands everywhere by chance, and no password of a run is."


def cases() -> dict[str, tuple[Case, CaseFunction]]:
    """The cases of the run, by id."""
    found = {}
    for name in ("provisioning", "passwords", "registration"):
        spec = importlib.util.spec_from_file_location(f"testcases.{name}", TESTCASES / f"test_{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for function in vars(module).values():
            case = declared_case(function)
            if case is not None and case.id.removeprefix("WXC-") in CASES:
                found[case.id] = case, function
    assert len(found) == len(CASES)
    return found


def forms(password: str, users: set[str]) -> Iterator[tuple[str, bytes]]:
    """(what it is, bytes) of everything by which a password could be known again."""
    raw = password.encode()
    yield "itself", raw
    yield "in a URL", quote(password, safe="").encode()
    yield "in XML", escape(password, {'"': "&quot;"}).encode()
    yield "in HTML", html.escape(password).encode()
    yield "in JSON", json.dumps(password)[1:-1].encode()
    yield "in hexadecimal", raw.hex().encode()
    yield "in base64", base64.b64encode(raw)
    for user in users:
        yield f"Basic of {user}", base64.b64encode(f"{user}:{password}".encode())
        for realm in REALMS:
            for kind in ("md5", "sha256"):
                yield (
                    f"{kind} HA1 of {user}",
                    hashlib.new(kind, f"{user}:{realm}:{password}".encode()).hexdigest().encode(),
                )


@pytest.fixture
def minted(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every secret that is made from now on."""
    made: set[str] = set()
    original = Secret.__init__

    def noted(self: Secret, text: str) -> None:
        made.add(text)
        original(self, text)

    monkeypatch.setattr(Secret, "__init__", noted)
    return made


@pytest.mark.parametrize("faults", [(), LEAKS], ids=["good", "leaky"])
def test_a_run_leaves_no_password_in_any_form(faults: tuple[str, ...], minted: set[str], tmp_path: Path) -> None:
    profile, catalogue = load_profile("reference", PROFILES), load_catalogue()
    chosen = cases()
    ordered = tuple(in_order([case for case, _ in chosen.values()]))
    own = {1: Secret("Very-Own.7391xyQ"), 2: Secret("Other-Own.51a&Zz")} if faults else {}
    options = RunOptions(faults=faults, credentials=own)
    asked = Asked("", ordered, False, tmp_path / "run", None, None, options)
    run = Certification(profile, catalogue, asked, tmp_path)
    result = None
    try:
        run.open()
        assert run._run is not None
        assert run._run._network is not None
        network = run._run._network
        users = {network.provisioning.site.access.user, *(one.auth_user for one in network.registrar.accounts)}
        for case in ordered:
            run.run_case(case, chosen[case.id][1])
        run.settle()
    finally:
        result = run.close(complete=True)
    verdicts = {case.id: case.verdict.value for case in result.cases}
    wrong = {id for id, verdict in verdicts.items() if verdict != "pass"}
    assert wrong == ({"WXC-PROV-050", "WXC-PW-040"} if faults else set()), verdicts

    passwords = {text for text in minted if len(text) >= LEAST and text != "***"}
    assert network.provisioning.site.access.password.reveal() in passwords
    assert {one.password.reveal() for one in network.registrar.accounts} <= passwords
    texts = {str(path): path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert {"results.json", "record.jsonl", "device.log", "index.html"} <= {Path(name).name for name in texts}
    if shutil.which("tshark"):
        capture = str(tmp_path / "run" / "evidence" / "run.pcapng")
        command = ["tshark", "-r", capture, "-d", "tls.port==8934,sip", "-d", "tls.port==8443,http", "-V"]
        texts["the decrypted capture"] = subprocess.run(command, capture_output=True, check=True).stdout
    found = {
        f"{name}: a password {what}"
        for password in passwords
        for what, form in forms(password, users)
        for name, text in texts.items()
        if form in text
    }
    assert not found
