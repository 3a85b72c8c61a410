"""``certsuite config lint`` as a user types it, and on what is generated."""

from __future__ import annotations

from pathlib import Path

import pytest

from certsuite.cli.config import lint_generated
from certsuite.core.places import PROFILES
from certsuite.devices.config_lint import vendor_of
from certsuite.devices.profile import load_profile
from certsuite.devices.profile_files import profile_files
from tests.conftest import certsuite

FANVIL = "<c><Version>1</Version><ProxyAddr>{}</ProxyAddr></c>"


def test_errors_are_told_and_give_1(tmp_path: Path) -> None:
    file = tmp_path / "a.cfg"
    file.write_text("account.1.sip_server.1.port = 5061\naccount.1.password = Good1#Word\n")
    done = certsuite("config", "lint", file, "--vendor", "yealink")
    assert done.returncode == 1
    told = done.stdout.splitlines()
    assert [line.split(": ")[:3] for line in told[:-1]] == [
        [f"{file}:1", "error", "header-missing"],
        [f"{file}:1", "error", "explicit-port"],
        [f"{file}:2", "warning", "password-not-carried"],
    ]
    assert told[-1] == "2 errors, 1 warnings"


def test_warnings_alone_give_0(tmp_path: Path) -> None:
    file = tmp_path / "a.cfg"
    file.write_text("#!version:1.0.0.1\naccount.1.password = Good1#Word\n")
    done = certsuite("config", "lint", file, "--vendor", "yealink")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "0 errors, 1 warnings")


def test_a_version_needs_the_file_before(tmp_path: Path) -> None:
    old, new = tmp_path / "old.xml", tmp_path / "new.xml"
    old.write_text(FANVIL.format("a"))
    new.write_text(FANVIL.format("b"))
    done = certsuite("config", "lint", new, "--vendor", "fanvil")
    assert done.returncode == 0
    assert "not looked at: whether the version was raised (--previous FILE)" in done.stdout
    done = certsuite("config", "lint", new, "--vendor", "fanvil", "--previous", old)
    assert done.returncode == 1
    assert "version-not-raised" in done.stdout
    assert "not looked at" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gone.cfg", "--vendor", "yealink"), "cannot be read"),
        ((__file__, "--vendor", "acme"), "there are no rules for 'acme'"),
        ((__file__, __file__, "--vendor", "fanvil", "--previous", __file__), "--previous is for one FILE"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], says: str) -> None:
    done = certsuite("config", "lint", *arguments)
    assert done.returncode == 4
    assert says in done.stderr


def test_what_is_generated_is_looked_through(tmp_path: Path) -> None:
    profile = tmp_path / "bad.yaml"
    profile.write_text(f"extends: {PROFILES / 'yealink-t46u.yaml'}\nconfig:\n  templates: bad/\n")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.cfg.j2").write_text("#!version:1.0.0.1\naccount.1.srtp_encryption = 1\n")
    done = certsuite("provision", profile, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "a.cfg:2: error: srtp-not-mandatory: account.1.srtp_encryption = 1" in done.stdout


def test_what_the_shipped_profiles_generate_has_no_mistake(tmp_path: Path) -> None:
    known = [file.stem for file in profile_files(PROFILES) if vendor_of(load_profile(str(file), PROFILES).vendor)]
    assert len(known) >= 8
    for name in known:
        done = certsuite("provision", name, "--out", tmp_path / name)
        assert (done.returncode, "error" in done.stdout) == (0, False), done.stdout + done.stderr


def test_a_vendor_without_rules_is_left_alone(tmp_path: Path) -> None:
    assert lint_generated(load_profile("baresip", PROFILES), [tmp_path / "gone"]) == ()
