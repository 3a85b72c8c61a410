"""Device info of any form, by a mapping: the values, and mistakes told with the mapping's line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from certsuite.core.errors import UsageError
from certsuite.devices.device_info import DeviceInfo
from certsuite.devices.device_info_mapping import load_mapped_device_info

DOCUMENT = {
    "proxy": {"outboundProxy": "hs17.lab.example"},
    "members": [
        {
            "port": 1,
            "linePort": "a_1@lab.invalid",
            "sipUserName": "2055550101",
            "firstName": "Ann",
            "lastName": "Archer",
        },
        {
            "port": 2,
            "linePort": "b_2@lab.invalid",
            "sipUserName": "102",
            "firstName": "Bo",
            "lineType": "SHARED",
        },
    ],
    "blf": [{"who": "c", "name": "Cleo"}],
    "kind": 7,
}
MAPPING = """\
schema: 1
kind: "'phone'"
outbound_proxy: proxy.outboundProxy
accounts: members
account:
  line: port
  aor: linePort
  auth_user: sipUserName
  display_name: join(' ', [firstName, lastName][?@])
  appearance: "lineType == 'SHARED' && 'shared' || 'primary'"
  password: {env: ALL}
monitored: blf
monitored_user:
  user: who
  label: name
"""


def _read(folder: Path, mapping: str) -> DeviceInfo:
    (folder / "webex.json").write_text(json.dumps(DOCUMENT))
    (folder / "mapping.yaml").write_text(mapping)
    return load_mapped_device_info(folder / "webex.json", folder / "mapping.yaml", {"ALL": "Good1!Word"})


def test_values_are_where_the_mapping_says(tmp_path: Path) -> None:
    info = _read(tmp_path, MAPPING)
    assert (info.kind, info.outbound_proxy) == ("phone", "hs17.lab.example")
    assert [(line.number, line.user, line.display_name, line.shared) for line in info.accounts] == [
        (1, "a_1", "Ann Archer", False),
        (2, "b_2", "Bo", True),
    ]
    assert info.accounts[0].password.reveal() == "Good1!Word"
    assert [(one.user, one.label) for one in info.monitored] == [("c", "Cleo")]
    assert (info.codecs, info.mac) == ((), "")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("\"'phone'\"", "kind", "mapping.yaml:2: kind: "),
        ("proxy.outboundProxy", "proxy.gone", "mapping.yaml:3: outbound_proxy: this field is missing"),
        ("proxy.outboundProxy", "'proxy..x['", "mapping.yaml:3: outbound_proxy: not a JMESPath expression"),
        ("accounts: members", "accounts: proxy", "mapping.yaml:4: accounts: 'proxy' must give a list of objects"),
        ("  line: port", "  line: linePort", "mapping.yaml:6: accounts[0].line: "),
        ("  aor: linePort", "  aor: sipUserName", "mapping.yaml:7: accounts[0].aor: must be user@domain"),
        ("auth_user: sipUserName", "auth_user: join(' ', port)", "mapping.yaml:8: account.auth_user: "),
        ("{env: ALL}", "sipPassword", "mapping.yaml:11: account.password: "),
        ("{env: ALL}", "{env: NOBODY}", "the variable NOBODY holds no password"),
        ("  aor:", "  aro:", "mapping.yaml:7: account.aro: unknown field; did you mean 'aor'?"),
        ("monitored_user:\n  user: who\n  label: name\n", "", "mapping.yaml:12: monitored: needs monitored_user"),
    ],
)
def test_a_mistake_is_told_with_the_mappings_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in MAPPING
    with pytest.raises(UsageError) as caught:
        _read(tmp_path, MAPPING.replace(old, new))
    assert says in str(caught.value)
