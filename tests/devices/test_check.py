"""Checking a profile without a device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from certsuite.devices.check import check_profile

Write = Callable[[str, str], Path]
SHIPPED = Path(__file__).parents[2] / "device_profiles"


def test_the_shipped_profiles_have_no_problems() -> None:
    baresip = ("accounts", "config", "openssl.cnf", "passwords")
    for name, files in (
        ("reference", ("02005e0000a1.toml", "phone.toml", "shipped-roots.pem")),
        ("baresip", baresip),
        ("baresip-unverified", baresip),
        ("linphone", ("linphonerc",)),
        ("linphone-provisioned", ("02005e0000a1.xml", "linphonerc")),
        ("linphone-unverified", ("linphonerc",)),
    ):
        report = check_profile(name, SHIPPED)
        assert (report.problems, report.notes, report.files) == ((), (), files)


def test_problems_of_profile_and_templates(write: Write, search: Path) -> None:
    assert check_profile("gone", search).problems[0].startswith("gone: there is no profile")
    write("bad.yaml", "schema: 1\nschema: 2\n")
    assert check_profile("bad", search).problems == (f"{search}/bad.yaml:2: schema: is there twice; first on line 1",)
    write("worse.yaml", "extends: acme\nlines: 0\nkind: fax\n")
    assert len(check_profile("worse", search).problems) == 2
    template = write("acme/phone.cfg.j2", "\n{{ nope }}\n")
    report = check_profile("acme", search)
    assert report.problems == (f"{template.resolve()}:2: 'nope' is undefined",)
    assert report.profile is not None


def test_notes_are_no_problems(write: Write, search: Path) -> None:
    write("child.yaml", "extends: acme\ncapabilities: {hold: true}\ntrust: {shipped_store: none}\n")
    report = check_profile("child", search)
    assert report.problems == ()
    assert "capabilities.hold is claimed, but control.actions has no hold and resume" in report.notes
    assert any(note.startswith("trust.shipped_store is none") for note in report.notes)


def test_the_file_that_is_fetched_has_to_be_made(write: Write, search: Path) -> None:
    write("fetching.yaml", 'extends: acme\ncontrol: {provisioning: {file: "{mac}.cfg"}}\n')
    (problem,) = check_profile("fetching", search).problems
    assert problem.endswith("control.provisioning.file: no template makes '02005e0000a1.cfg'; there are phone.cfg")
    write("acme/{{ mac }}.cfg.j2", "{{ provisioning.url }}\n")
    assert check_profile("fetching", search).files == ("02005e0000a1.cfg", "phone.cfg")
