"""The vendors' configurations: a golden copy of each, and what a parser of its own reads back from it.

A value that is given is looked for where the vendor's device looks for it: the parsers here know the formats and
nothing of the templates.
"""

from __future__ import annotations

import csv
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from certsuite.core.redaction import Secret
from certsuite.devices.config_lint import vendor_of
from certsuite.devices.generate import generate
from certsuite.devices.password_rules import load_password_rules
from certsuite.devices.profile import load_profile
from certsuite.devices.settings import DeviceSettings, LineSettings, MonitoredUser
from certsuite.sip.passwords import password_with

SHIPPED = Path(__file__).parents[2] / "device_profiles"
MAC = "00005e005301"
AWKWARD = "Aa1!&<\"'>%#;=, x"
TAME = "Bb2.tame_"
Values = dict[str, str]


def _settings(folder: Path, lines: int, *, awkward: bool) -> DeviceSettings:
    root = folder / "lab-root.pem"
    root.write_text("-----BEGIN CERTIFICATE-----\nbGFi\n-----END CERTIFICATE-----\n")
    passwords = [AWKWARD if awkward else TAME, TAME]
    accounts = tuple(
        LineSettings(
            number=number,
            user=f"user{number}",
            domain="98079822.lab.invalid",
            auth_user=f"205555010{number}",
            password=Secret(passwords[number - 1]),
            display_name=f"Name {number}",
            label=f"Label {number}",
            shared=number == 2,
        )
        for number in range(1, lines + 1)
    )
    return DeviceSettings(
        outbound_proxy="hs17.lab.example",
        resolver=("127.0.0.53", 5300),
        device_address="127.0.0.1",
        lines=accounts,
        expires=240,
        lab_root=root,
        trusted_roots=root,
        monitored=(MonitoredUser("bob", "Bob & co"),),
        codecs=("PCMA", "PCMU"),
        mac=MAC,
    )


def _yealink(text: str) -> Values:
    first, *lines = text.splitlines()
    assert first == "#!version:1.0.0.1"
    return {
        name.strip(): value.strip() for name, value in (line.split("=", 1) for line in lines if line and line[0] != "#")
    }


def _poly(text: str) -> Values:
    return {name: value for element in ET.fromstring(text).iter() for name, value in element.attrib.items()}


def _grandstream(text: str) -> Values:
    config = ET.fromstring(text).find("config")
    assert config is not None
    return {element.tag: element.text or "" for element in config}


def _snom(text: str) -> Values:
    found = {}
    for part in ET.fromstring(text):
        for element in part:
            number = f"[{element.attrib['idx']}]" if "idx" in element.attrib else ""
            found[element.tag + number] = element.text or element.attrib.get("url", "")
    return found


def _fanvil(text: str) -> Values:
    found: Values = {}

    def walk(element: ET.Element, path: str) -> None:
        index = f"[{element.attrib['index']}]" if "index" in element.attrib else ""
        here = f"{path}/{element.tag}{index}"
        if not len(element):
            found[here] = element.text or ""
        for child in element:
            walk(child, here)

    walk(ET.fromstring(text), "")
    return {path.removeprefix("/sysConf/"): value for path, value in found.items()}


def _audiocodes(text: str) -> Values:
    """Parameters, and the rows of tables as ``Table[index].Column``."""
    found: Values = {}
    columns: list[str] = []
    for line in text.splitlines():
        if form := re.fullmatch(r"FORMAT \w+_Index = (.*);", line):
            columns = [name.strip() for name in form.group(1).split(",")]
        elif row := re.fullmatch(r"(\w+) (\d+) = (.*);", line):
            for column, value in zip(columns, next(csv.reader([row.group(3)], skipinitialspace=True)), strict=True):
                found[f"{row.group(1)}[{row.group(2)}].{column.split('_', 1)[1]}"] = value
        elif parameter := re.fullmatch(r"(\w+) = '?(.*?)'?", line):
            found[parameter.group(1)] = parameter.group(2)
    return found


def _plain(text: str) -> Values:
    pairs = (line.split("=", 1) for line in text.splitlines() if line and line[0] != "#")
    return {name.strip(): value.strip() for name, value in pairs}


PARSED: dict[str, tuple[str, Callable[[str], Values], int]] = {
    "yealink-t46u": (f"{MAC}.cfg", _yealink, 2),
    "poly-vvx450": (f"{MAC}-ext.cfg", _poly, 2),
    "grandstream-grp2612": (f"cfg{MAC}.xml", _grandstream, 2),
    "grandstream-ht801": (f"cfg{MAC}.xml", _grandstream, 1),
    "snom-d785": (f"snomD785-{MAC}.xml", _snom, 2),
    "fanvil-x4u": (f"{MAC}.cfg", _fanvil, 2),
    "audiocodes-mp124": (f"{MAC}.ini", _audiocodes, 2),
    "generic-sip": (f"{MAC}.txt", _plain, 2),
}
"Profile: the file with its accounts, the parser of its format, and how many lines the test gives it."

EXPECTED: dict[str, Values] = {
    "yealink-t46u": {
        "account.1.user_name": "user1",
        "account.2.user_name": "user2",
        "account.1.auth_name": "2055550101",
        "account.1.password": AWKWARD,
        "account.2.password": TAME,
        "account.1.sip_server.1.address": "98079822.lab.invalid",
        "account.1.sip_server.1.port": "0",
        "account.1.sip_server.1.transport_type": "2",
        "account.1.sip_server.1.expires": "240",
        "account.1.outbound_proxy_enable": "1",
        "account.1.outbound_proxy.1.address": "hs17.lab.example",
        "account.1.outbound_proxy.1.port": "0",
        "account.1.srtp_encryption": "2",
        "account.1.dtmf.type": "1",
        "account.1.codec.pcma.priority": "1",
        "account.1.codec.pcmu.priority": "2",
        "account.1.codec.g722.enable": "0",
        "account.1.shared_line": "0",
        "account.2.shared_line": "1",
        "account.1.subscribe_mwi": "1",
        "account.1.session_timer.enable": "1",
        "linekey.1.type": "15",
        "linekey.2.label": "Label 2",
        "linekey.3.type": "16",
        "linekey.3.value": "bob",
        "linekey.3.label": "Bob & co",
        "static.security.trust_certificates": "1",
        "static.security.cn_validation": "1",
        "static.trusted_certificates.url": "https://provisioning.lab.example/lab-root.pem",
        "static.syslog.server": "syslog.lab.example",
        "local_time.ntp_server1": "ntp.lab.example",
    },
    "poly-vvx450": {
        "reg.1.address": "user1",
        "reg.1.auth.userId": "2055550101",
        "reg.1.auth.password": AWKWARD,
        "reg.2.auth.password": TAME,
        "reg.1.type": "private",
        "reg.2.type": "shared",
        "reg.2.label": "Label 2",
        "reg.1.server.1.address": "98079822.lab.invalid",
        "reg.1.server.1.port": "",
        "reg.1.server.1.transport": "TLS",
        "reg.1.server.1.expires": "240",
        "reg.1.outboundProxy.address": "hs17.lab.example",
        "reg.1.outboundProxy.port": "",
        "reg.1.outboundProxy.transport": "TLS",
        "sec.srtp.require": "1",
        "sec.srtp.offer.HMAC_SHA1_80": "1",
        "sec.srtp.offer.HMAC_SHA1_32": "0",
        "sec.TLS.SIP.strictCertCommonNameValidation": "1",
        "voice.codecPref.G711_A": "1",
        "voice.codecPref.G711_Mu": "2",
        "voice.codecPref.G722": "0",
        "tone.dtmf.rfc2833Control": "1",
        "tone.dtmf.rfc2833Payload": "101",
        "msg.mwi.1.subscribe": "user1@98079822.lab.invalid",
        "attendant.resourceList.1.address": "bob@98079822.lab.invalid",
        "attendant.resourceList.1.label": "Bob & co",
        "voIpProt.SIP.keepalive.sessionTimers": "1",
        "tcpIpApp.sntp.address": "ntp.lab.example",
        "device.syslog.serverName": "syslog.lab.example",
    },
    "grandstream-ht801": {
        "P35": "user1",
        "P36": "2055550101",
        "P34": AWKWARD,
        "P47": "98079822.lab.invalid",
        "P48": "hs17.lab.example",
        "P103": "1",
        "P130": "2",
        "P2329": "0",
        "P32": "4",
        "P183": "2",
        "P2311": "1",
        "P2367": "1",
        "P79": "101",
        "P2302": "1",
        "P57": "8",
        "P58": "0",
        "P99": "1",
        "P2395": "1",
        "P30": "ntp.lab.example",
        "P207": "syslog.lab.example",
    },
    "snom-d785": {
        "user_name[1]": "user1",
        "user_pname[1]": "2055550101",
        "user_pass[1]": AWKWARD,
        "user_pass[2]": TAME,
        "user_host[1]": "98079822.lab.invalid",
        "user_outbound[1]": "hs17.lab.example;transport=tls",
        "user_expiry[1]": "240",
        "user_srtp[1]": "on",
        "user_savp[1]": "mandatory",
        "user_auth_tag[1]": "off",
        "user_shared_line[1]": "off",
        "user_shared_line[2]": "on",
        "user_dtmf_info[1]": "off",
        "codec_priority_list[1]": "pcma,pcmu,telephone-event",
        "tls_server_authentication": "on",
        "session_timer": "1800",
        "fkey[2]": "blf sip:bob@98079822.lab.invalid",
        "certificate": "https://provisioning.lab.example/lab-root.der",
        "ntp_server": "ntp.lab.example",
        "syslog_server": "syslog.lab.example",
    },
    "fanvil-x4u": {
        "Version": "2.0001",
        "sip/line[1]/PhoneNumber": "user1",
        "sip/line[1]/RegisterUser": "2055550101",
        "sip/line[1]/RegisterPswd": AWKWARD,
        "sip/line[2]/RegisterPswd": TAME,
        "sip/line[1]/RegisterAddr": "98079822.lab.invalid",
        "sip/line[1]/RegisterPort": "",
        "sip/line[1]/RegisterTTL": "240",
        "sip/line[1]/ProxyAddr": "hs17.lab.example",
        "sip/line[1]/ProxyPort": "",
        "sip/line[1]/DNSSRV": "1",
        "sip/line[1]/Transport": "3",
        "sip/line[1]/MediaCrypto": "2",
        "sip/line[1]/VoiceCodecMap": "PCMA,PCMU",
        "sip/line[1]/DTMFMode": "1",
        "sip/line[1]/SessionTimer": "1",
        "sip/line[2]/EnableSCA": "1",
        "dsskey/internal[1]/Fkey[3]/Value": "bob@1/b",
        "dsskey/internal[1]/Fkey[3]/Title": "Bob & co",
        "phone/date/SNTPServer": "ntp.lab.example",
        "log/SyslogServer": "syslog.lab.example",
    },
    "audiocodes-mp124": {
        "TrunkGroup[0].FirstPhoneNumber": "user1",
        "Authentication[1].UserId": "2055550102",
        "Authentication[0].UserPassword": TAME,
        "ProxyIp[0].IpAddress": "hs17.lab.example",
        "ProxyIp[0].TransportType": "2",
        "SIPGATEWAYNAME": "98079822.lab.invalid",
        "PROXYDNSQUERYTYPE": "1",
        "SIPTRANSPORTTYPE": "2",
        "ENABLESIPS": "0",
        "VERIFYSERVERCERTIFICATE": "1",
        "REGISTRATIONTIME": "240",
        "ENABLEMEDIASECURITY": "1",
        "MEDIASECURITYBEHAVIOUR": "1",
        "SRTPOFFEREDSUITES": "1",
        "CodersGroup0[0].Name": "g711Alaw64k",
        "RFC2833PAYLOADTYPE": "101",
        "USERAGENTDISPLAYINFO": "Audiocodes-Sip-Gateway-MP-124",
        "SyslogServerIP": "syslog.lab.example",
        "NTPServerIP": "ntp.lab.example",
    },
    "generic-sip": {
        "outbound_proxy": "hs17.lab.example",
        "outbound_proxy_port": "",
        "transport": "tls",
        "srtp": "mandatory",
        "line1.user": "user1",
        "line1.registrar": "98079822.lab.invalid",
        "line1.auth_user": "2055550101",
        "line1.password": AWKWARD,
        "line2.appearance": "shared",
        "line1.expires_s": "240",
        "codecs": "PCMA, PCMU",
        "monitored1.user": "bob",
    },
}
EXPECTED["grandstream-grp2612"] = EXPECTED["grandstream-ht801"] | {
    "P404": "user2",
    "P405": "2055550102",
    "P406": TAME,
    "P402": "98079822.lab.invalid",
    "P403": "hs17.lab.example",
    "P408": "1",
    "P448": "2",
    "P412": "4",
    "P443": "2",
    "P2467": "1",
    "P451": "8",
}


def _made(profile: str, folder: Path) -> dict[str, str]:
    awkward = profile != "audiocodes-mp124"  # its table has no escape for a quotation mark
    settings = _settings(folder, PARSED[profile][2], awkward=awkward)
    files = generate(load_profile(profile, SHIPPED), settings, folder / "out", control_port=1)
    return {file.name: file.path.read_text() for file in files}


@pytest.mark.parametrize("profile", PARSED)
def test_the_golden_copy(profile: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    assert _made(profile, tmp_path) == snapshot


@pytest.mark.parametrize("profile", PARSED)
def test_the_values_that_were_given_are_read_back(profile: str, tmp_path: Path) -> None:
    name, parse, _ = PARSED[profile]
    read = parse(_made(profile, tmp_path)[name])
    assert {key: read.get(key) for key in EXPECTED[profile]} == EXPECTED[profile]


@pytest.mark.parametrize("profile", PARSED)
def test_every_character_of_the_vendors_alphabet_is_read_back(profile: str, tmp_path: Path) -> None:
    name, parse, _ = PARSED[profile]
    rules, vendor = load_password_rules(), vendor_of(load_profile(profile, SHIPPED).identity.make)
    alphabet = rules.alphabet(vendor if vendor in rules.alphabets else "any")
    settings = _settings(tmp_path, 1, awkward=False)
    password = password_with(alphabet.special, random.Random(1).choice)
    (line,) = settings.lines
    settings = replace(settings, lines=(replace(line, password=Secret(password)),))
    files = generate(load_profile(profile, SHIPPED), settings, tmp_path / "out", control_port=1)
    (text,) = [file.path.read_text() for file in files if file.name == name]
    assert password in parse(text).values()


def test_polys_master_file_names_the_other(tmp_path: Path) -> None:
    made = _made("poly-vvx450", tmp_path)
    assert _poly(made[f"{MAC}.cfg"])["CONFIG_FILES"] == f"{MAC}-ext.cfg"
    assert _poly(made[f"{MAC}-ext.cfg"])["sec.TLS.customCaCert.1"] == (tmp_path / "lab-root.pem").read_text()


def test_a_value_that_is_not_given_is_not_there(tmp_path: Path) -> None:
    settings = replace(_settings(tmp_path, 1, awkward=False), monitored=(), mac="")
    (made,) = generate(load_profile("yealink-t46u", SHIPPED), settings, tmp_path / "out", control_port=1)
    assert made.name == "000000000000.cfg"
    assert "account.2" not in made.path.read_text()
    assert "linekey.2" not in made.path.read_text()
