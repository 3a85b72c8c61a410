"""Profiles: what is taken, and how each mistake is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from certsuite.core.errors import ProfileError
from certsuite.devices.drivers import DRIVERS
from certsuite.devices.profile import (
    AVAILABLE_DRIVERS,
    load_profile,
    profile_hash,
)
from certsuite.devices.profile_files import find_profile, profile_files
from certsuite.devices.yaml_lines import ProfileErrors

Write = Callable[[str, str], Path]
SHIPPED = Path(__file__).parents[2] / "device_profiles"


def problems(name: str, search: Path) -> list[tuple[int | None, str, str]]:
    """(line, field, problem) of each mistake of a profile."""
    with pytest.raises(ProfileError) as caught:
        load_profile(name, search)
    error = caught.value
    errors = list(error) if isinstance(error, ProfileErrors) else [error]
    return [(one.line, one.field, one.problem) for one in errors]


def test_a_small_profile_loads(search: Path) -> None:
    profile = load_profile("acme", search)
    assert (profile.name, profile.kind, profile.lines) == ("acme", "phone", 2)
    assert profile.templates == (search / "acme").resolve()
    assert profile.values.registration_retry_s is None
    assert profile.values.granted_expiry_s == 60
    assert profile.can("dial")
    assert profile.can("restart")
    assert not profile.can("hold")
    assert load_profile(str(search / "acme.yaml"), Path("nowhere")) == profile


def test_the_shipped_profiles_load() -> None:
    names = {file.stem for file in profile_files(SHIPPED)}
    assert names >= {
        "reference",
        "baresip",
        "baresip-unverified",
        "linphone",
        "linphone-provisioned",
        "linphone-unverified",
    }
    for name in names:
        assert load_profile(name, SHIPPED).name == name


def test_claims(search: Path) -> None:
    profile = load_profile("baresip", SHIPPED)
    assert profile.claims("hold")
    assert profile.claims("codecs")
    assert profile.claims("codecs.opus")
    assert not profile.claims("codecs.G729")
    assert not profile.claims("attended_transfer")
    with pytest.raises(KeyError):
        profile.claims("holds")


def test_every_mistake_is_told_at_once_with_its_line(write: Write, search: Path) -> None:
    write(
        "bad.yaml",
        """\
        schema: 1
        vendor: Acme
        modle: Phone
        firmware: 1.0
        kind: phone
        lines: 21
        identity: {make: Acme, model: Phone, user_agent: "^Acme ("}
        values:
          boot_s: soon
        trust: {lab_root: config, shipped_store: always}
        config: {templates: acme/, delivery: directory}
        control:
          driver: process
          start: [acme, "{config_dri}"]
          channel: {stdin: true, tcp: "127.0.0.1:{control_port}"}
          actions:
            dail:
              - send: x
            dial:
              - send: "dial {uri} {digits}"
              - {expect: ok, capture: "(x)"}
              - {capture: "[0-9]+"}
              - {sned: x}
        """,
    )
    found = {(line, field): problem for line, field, problem in problems("bad", search)}
    assert "did you mean 'model'?" in found.pop((3, "modle"))
    assert found.pop((1, "model")) == "this field is missing"
    assert 'quote it, as "1.0"' in found.pop((4, "firmware"))
    assert found.pop((6, "lines")) == "a phone has at most 20 lines"
    assert "not a regular expression" in found.pop((7, "identity.user_agent"))
    assert "number" in found.pop((9, "values.boot_s"))
    assert "'system', 'shipped' or 'none'" in found.pop((10, "trust.shipped_store"))
    assert "{config_dri}; did you mean 'config_dir'?" in found.pop((14, "control.start[1]"))
    assert "not stdin, tcp" in found.pop((15, "control.channel"))
    assert "unknown action; did you mean 'dial'?" in found.pop((17, "control.actions.dail"))
    assert "unknown placeholder {digits}" in found.pop((20, "control.actions.dial[0].send"))
    assert "captures nothing" in found.pop((21, "control.actions.dial[1].capture"))
    assert "captures nothing" in found.pop((22, "control.actions.dial[2].capture"))
    assert "did you mean 'send'?" in found.pop((23, "control.actions.dial[3].sned"))
    assert found == {}


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "says"),
    [
        ("schema: 1", "schema: 2", 1, "schema", "should be 1"),
        ("schema: 1\n", "", 1, "schema", "missing"),
        ("kind: phone", "kind: fax", 5, "kind", "'phone' or 'gateway'"),
        ("lines: 2", "lines: 0", 6, "lines", "greater than or equal to 1"),
        ("lines: 2", "lines: '2'", 6, "lines", "valid integer"),
        ("templates: acme/", "templates: gone/", 9, "config.templates", "there is no folder"),
        ("delivery: directory", "delivery: pigeon", 9, "config.delivery", "'directory'"),
        ("driver: process", "driver: ssh", 11, "control.driver", "not in this version; it has process"),
        ("driver: process", "driver: magic", 11, "control.driver", "should be"),
        ("  channel: {stdin: true}\n", "", 10, "control", "actions need a channel"),
        ("{stdin: true}", "{stdin: true}\n  standard_input: x", 10, "control", "exclude each other"),
        ("{stdin: true}", "{stdin: true}\n  resolver: public", 14, "control.resolver", "'private'"),
        ("      - expect: ok\n", "      - {send: a, expect: b}\n", 17, "control.actions.dial[1]", "exactly one of"),
        ("      - expect: ok\n", "      - {send: a, unless: b}\n", 17, "control.actions.dial[1]", "'unless' belongs"),
        ("      - expect: ok\n", "      - {send: a, again: b}\n", 17, "control.actions.dial[1]", "'again' belongs"),
        ("      - expect: ok\n", '      - send: "{call}"\n', 17, "control.actions.dial[1].send", "placeholder {call}"),
        ('- send: "dial {uri}"', "- {expect: a, again: b}", 15, "control.actions.dial", "'again' needs a send"),
        (
            "      - expect: ok\n",
            "      - {expect: a, timeout_s: 0}\n",
            17,
            "control.actions.dial[1].timeout_s",
            "than 0",
        ),
        ("    dial:", "    restart:", 15, "control.actions.restart", "does this by itself"),
        ('"{config_dir}"', '"--x={fault_arguments}"', 12, "control.start[1]", "must stand alone"),
        (
            "  actions:\n",
            "  environment: {A: '{nope}'}\n  actions:\n",
            14,
            "control.environment.A",
            "unknown placeholder",
        ),
    ],
)
def test_one_mistake(
    write: Write, small_profile: str, search: Path, old: str, new: str, line: int, field: str, says: str
) -> None:
    assert old in small_profile
    write("bad.yaml", small_profile.replace(old, new, 1))
    found = [(where, name) for where, name, problem in problems("bad", search) if says in problem]
    assert found == [(line, field)]


def test_unknown_names_list_the_known_ones(search: Path) -> None:
    with pytest.raises(ProfileError, match=r"acmee: .* did you mean 'acme'\?; known profiles: acme"):
        load_profile("acmee", search)
    with pytest.raises(ProfileError, match=r"no such profile file"):
        load_profile("gone/acme.yaml", search)


def test_profiles_of_vendors_have_folders(write: Write, search: Path, small_profile: str) -> None:
    file = write("fanvil/x4.yaml", small_profile.replace("acme/", "../acme/"))
    assert find_profile("x4", search) == file
    assert load_profile("x4", search).templates == (search / "acme").resolve()
    write("yealink/x4.yaml", small_profile)
    with pytest.raises(ProfileError, match="several profiles"):
        load_profile("x4", search)


def test_extends_merges_and_keeps_places(write: Write, search: Path) -> None:
    write(
        "child.yaml",
        """\
        extends: acme
        firmware: "2.0"
        values: {boot_s: 1.5}
        control:
          actions:
            dial: null
            hangup: [{send: hangup}]
        """,
    )
    child = load_profile("child", search)
    assert (child.name, child.vendor, child.firmware, child.values.boot_s) == ("child", "Acme", "2.0", 1.5)
    assert not child.can("dial")
    assert child.can("hangup")
    assert child.templates == (search / "acme").resolve()
    write("grandchild.yaml", 'extends: child\n\nlines: "three"\n')
    assert problems("grandchild", search)[0][:2] == (3, "lines")
    with pytest.raises(ProfileError, match=r"grandchild.yaml:3: lines"):
        load_profile("grandchild", search)


def test_a_mistake_in_what_is_extended_names_that_file(write: Write, search: Path, small_profile: str) -> None:
    write("base.yaml", small_profile.replace("lines: 2", "lines: 99"))
    write("child.yaml", "extends: base.yaml\nvendor: Other\n")
    with pytest.raises(ProfileError, match=r"base.yaml:6: lines: a phone has at most 20"):
        load_profile("child", search)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("extends: a\n", "circle: a -> a"),
        ("extends: b\n", "circle: a -> b -> a"),
        ("extends: acmee\n", "did you mean 'acme'"),
        ("extends: ../gone.yaml\n", "no such profile file"),
        ("extends: [acme]\n", "one profile"),
    ],
)
def test_extends_that_cannot_be(write: Write, search: Path, text: str, says: str) -> None:
    write("a.yaml", text)
    write("b.yaml", "schema: 1\nextends: a\n")
    with pytest.raises(ProfileError, match=says) as caught:
        load_profile("a", search)
    assert caught.value.field == "extends"


def test_the_hash_follows_the_content(write: Write, search: Path) -> None:
    before = profile_hash(load_profile("acme", search))
    assert before == profile_hash(load_profile("acme", search))
    write("acme/phone.cfg.j2", "changed")
    assert profile_hash(load_profile("acme", search)) != before
    write("acme/phone.cfg.j2", "{{ lines[0].password }}\n")
    assert profile_hash(load_profile("acme", search)) == before
    write("child.yaml", "extends: acme\nvalues: {boot_s: 1.0}\n")
    assert profile_hash(load_profile("child", search)) != before


def test_the_drivers_of_the_schema_are_those_that_exist() -> None:
    assert set(AVAILABLE_DRIVERS) == {*DRIVERS, "operator"}


@pytest.mark.parametrize(
    ("control", "says"),
    [
        ("{driver: operator, start: [acme]}", "'start' is for the process driver"),
        ("{driver: process}", "needs 'start'"),
    ],
)
def test_start_belongs_to_the_process_driver(write: Write, search: Path, control: str, says: str) -> None:
    text = (search / "acme.yaml").read_text().split("control:")[0]
    write("other.yaml", f"{text}control: {control}\n")
    with pytest.raises(ProfileError, match=says):
        load_profile("other", search)


def test_a_profile_may_be_for_its_configuration_alone(write: Write, search: Path) -> None:
    text = (search / "acme.yaml").read_text().split("control:")[0]
    write("other.yaml", f"{text}control: {{driver: operator}}\n")
    assert load_profile("other", search).control.start == ()


def test_provisioning_is_claimed_by_how_it_is_done(write: Write, search: Path) -> None:
    assert not load_profile("acme", search).claims("provisioning")
    write("fetching.yaml", 'extends: acme\ncontrol: {provisioning: {file: "cfg{mac}.xml", credentials: basic}}\n')
    profile = load_profile("fetching", search)
    assert profile.claims("provisioning")
    how = profile.control.provisioning
    assert how is not None
    assert how.file_of("02005e0000a1") == "cfg02005e0000a1.xml"
    assert (how.credentials, how.mac, how.resync) == ("basic", "path", "notify")


def test_a_resync_by_action_needs_the_action(write: Write, search: Path) -> None:
    write("fetching.yaml", "extends: acme\ncontrol: {provisioning: {file: x, resync: action}}\n")
    with pytest.raises(ProfileErrors, match="the action 'resync' is needed"):
        load_profile("fetching", search)
