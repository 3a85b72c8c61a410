"""Each rule with a good example and a bad one, and what a finding says."""

from __future__ import annotations

import re

import pytest
import yaml

from certsuite.core.errors import UsageError
from certsuite.core.verdicts import Mark
from certsuite.devices.config_lint import SHIPPED, lint_config, needs_previous, vendor_of

HEADER = "#!version:1.0.0.1\n"
GOOD_AND_BAD: list[tuple[str, str, str, str]] = [
    ("explicit-port", "yealink", "account.1.sip_server.1.port = 0", "account.1.sip_server.1.port = 5061"),
    ("explicit-port", "yealink", "account.1.outbound_proxy.1.port =", "account.1.outbound_proxy.1.port = 8934"),
    (
        "explicit-port",
        "yealink",
        "account.1.outbound_proxy.1.address = hs17.x",
        "account.1.outbound_proxy.1.address = hs17.x:5061",
    ),
    ("explicit-port", "poly", '<a reg.1.server.1.port=""/>', '<a reg.1.server.1.port="5061"/>'),
    ("explicit-port", "grandstream", "<a><P48>hs17.x</P48></a>", "<a><P48>hs17.x:5061</P48></a>"),
    (
        "explicit-port",
        "snom",
        "<a><user_outbound>x;transport=tls</user_outbound></a>",
        "<a><user_outbound>x:1;transport=tls</user_outbound></a>",
    ),
    ("explicit-port", "fanvil", "<a><ProxyPort>0</ProxyPort></a>", "<a><ProxyPort>5060</ProxyPort></a>"),
    ("explicit-port", "audiocodes", 'ProxyIp 0 = "hs17.x", 2, 0;', 'ProxyIp 0 = "hs17.x:5061", 2, 0;'),
    ("explicit-port", "generic", "outbound_proxy_port =", "outbound_proxy_port = 5061"),
    (
        "master-names-nothing",
        "poly",
        '<APPLICATION APP_FILE_PATH="sip.ld" CONFIG_FILES="a.cfg, b.cfg"/>',
        '<APPLICATION APP_FILE_PATH="sip.ld" CONFIG_FILES=" "/>',
    ),
    ("unit-of-expiry", "yealink", "account.1.sip_server.1.expires = 240", "account.1.sip_server.1.expires = 4"),
    ("unit-of-expiry", "poly", '<a reg.1.server.1.expires="3600"/>', '<a reg.1.server.1.expires="5"/>'),
    ("unit-of-expiry", "grandstream", "<a><P32>4</P32></a>", "<a><P32>240</P32></a>"),
    ("unit-of-expiry", "snom", "<a><user_expiry>60</user_expiry></a>", "<a><user_expiry>59</user_expiry></a>"),
    ("unit-of-expiry", "fanvil", "<a><RegisterTTL>240</RegisterTTL></a>", "<a><RegisterTTL>4</RegisterTTL></a>"),
    ("unit-of-expiry", "audiocodes", "REGISTRATIONTIME = 240", "RegistrationTime = 4"),
    ("unit-of-expiry", "generic", "line1.expires_s = 3600", "line1.expires_s = 3601"),
    ("verification-off", "yealink", "static.security.cn_validation = 1", "static.security.cn_validation = 0"),
    (
        "verification-off",
        "poly",
        '<a sec.TLS.SIP.strictCertCommonNameValidation="1"/>',
        '<a sec.TLS.SIP.strictCertCommonNameValidation="0"/>',
    ),
    ("verification-off", "grandstream", "<a><P2367>1</P2367></a>", "<a><P2367>0</P2367></a>"),
    (
        "verification-off",
        "snom",
        "<a><tls_server_authentication>on</tls_server_authentication></a>",
        "<a><tls_server_authentication>off</tls_server_authentication></a>",
    ),
    ("verification-off", "audiocodes", "VERIFYSERVERCERTIFICATE = 1", "VERIFYSERVERCERTIFICATE = 0"),
    ("verification-off", "generic", "tls_verify = on", "tls_verify = off"),
    ("srtp-not-mandatory", "yealink", "account.1.srtp_encryption = 2", "account.1.srtp_encryption = 1"),
    ("srtp-not-mandatory", "poly", '<a sec.srtp.require="1"/>', '<a sec.srtp.require="0"/>'),
    ("srtp-not-mandatory", "grandstream", "<a><P443>2</P443></a>", "<a><P443>1</P443></a>"),
    ("srtp-not-mandatory", "snom", "<a><user_savp>mandatory</user_savp></a>", "<a><user_savp>optional</user_savp></a>"),
    ("srtp-not-mandatory", "fanvil", "<a><MediaCrypto>2</MediaCrypto></a>", "<a><MediaCrypto>1</MediaCrypto></a>"),
    ("srtp-not-mandatory", "audiocodes", "MEDIASECURITYBEHAVIOUR = 1", "MEDIASECURITYBEHAVIOUR = 0"),
    ("srtp-not-mandatory", "generic", "srtp = mandatory", "srtp = optional"),
    (
        "transport-not-tls",
        "yealink",
        "account.1.sip_server.1.transport_type = 2",
        "account.1.sip_server.1.transport_type = 0",
    ),
    ("transport-not-tls", "poly", '<a reg.1.server.1.transport="TLS"/>', '<a reg.1.server.1.transport="TCPOnly"/>'),
    ("transport-not-tls", "grandstream", "<a><P130>2</P130></a>", "<a><P130>0</P130></a>"),
    (
        "transport-not-tls",
        "snom",
        "<a><user_outbound>x;transport=tls</user_outbound></a>",
        "<a><user_outbound>x</user_outbound></a>",
    ),
    ("transport-not-tls", "fanvil", "<a><Transport>3</Transport></a>", "<a><Transport>1</Transport></a>"),
    ("transport-not-tls", "audiocodes", "SIPTRANSPORTTYPE = 2", "SIPTRANSPORTTYPE = 0"),
    ("transport-not-tls", "generic", "transport = tls", "transport = tcp"),
    ("tag-left", "yealink", "account.1.user_name = 100%", "account.1.user_name = %BWLINEPORT-1%"),
    ("tag-left", "poly", '<a reg.1.address="a%b%c"/>', '<a reg.1.address="%BWAUTHUSER-1%"/>'),
    (
        "plain-http",
        "yealink",
        "static.trusted_certificates.url = https://x/y",
        "static.trusted_certificates.url = http://x/y",
    ),
    ("plain-http", "snom", '<a><certificate url="https://x/y"/></a>', '<a><certificate url="HTTP://x/y"/></a>'),
    ("password-not-carried", "yealink", "account.1.password = Good1!Word", "account.1.password = Good1#Word"),
    (
        "password-not-carried",
        "poly",
        '<a reg.1.auth.password="Good1!Word"/>',
        '<a reg.1.auth.password="Good1&amp;Word"/>',
    ),
    (
        "password-not-carried",
        "audiocodes",
        'Authentication 0 = "u", "Good1!Word";',
        'Authentication 0 = "u", "Good1"Word";',
    ),
    (
        "not-well-formed",
        "fanvil",
        "<a><RegisterPswd>a&amp;b</RegisterPswd></a>",
        "<a><RegisterPswd>a&b</RegisterPswd></a>",
    ),
]


def _lint(vendor: str, text: str) -> list[str]:
    content = HEADER + text if vendor == "yealink" else text
    return [finding.rule for finding in lint_config(content.encode(), vendor, "x.cfg")]


@pytest.mark.parametrize(("rule", "vendor", "good", "bad"), GOOD_AND_BAD)
def test_a_rule_catches_the_bad_and_not_the_good(rule: str, vendor: str, good: str, bad: str) -> None:
    assert rule in _lint(vendor, bad)
    assert rule not in _lint(vendor, good)


def test_every_rule_and_row_has_examples() -> None:
    rules = yaml.safe_load(SHIPPED.read_text())
    tried = {(rule, vendor) for rule, vendor, *_ in GOOD_AND_BAD}
    assert {rule for rule, _ in tried} | {"header-missing", "version-not-raised"} == set(rules["rules"])
    for vendor, row in rules["vendors"].items():
        for value in row["values"]:
            assert (value["rule"], vendor) in tried
            assert value["rule"] in rules["rules"]


def test_the_header_is_the_first_line() -> None:
    good = "#!version:1.0.0.1\r\na = 1\n"
    assert lint_config(good.encode(), "yealink", "x.cfg") == ()
    for bad in ("a = 1\n", "\n#!version:1.0.0.1\na = 1\n", "#!version:1.0.0.2\na = 1\n"):
        (finding,) = lint_config(bad.encode(), "yealink", "x.cfg")
        assert (finding.rule, finding.line) == ("header-missing", 1)


def test_the_version_is_raised_with_every_change() -> None:
    form = "<c>\n<Version>{}</Version>\n<Transport>3</Transport><ProxyAddr>{}</ProxyAddr></c>"
    before = form.format("2.0001", "a").encode()
    assert needs_previous("fanvil")
    assert not needs_previous("yealink")
    assert lint_config(form.format("2.0002", "b").encode(), "fanvil", "x.cfg", previous=before) == ()
    assert lint_config(before, "fanvil", "x.cfg", previous=before) == (), "the same file needs no other version"
    (finding,) = lint_config(form.format("2.0001", "b").encode(), "fanvil", "x.cfg", previous=before)
    assert (finding.rule, finding.line, finding.observed) == ("version-not-raised", 2, "Version = 2.0001")
    with pytest.raises(UsageError, match="the file before is not well-formed"):
        lint_config(before, "fanvil", "x.cfg", previous=b"<c>")


def test_a_finding_says_file_line_value_what_was_expected_and_what_to_do() -> None:
    text = f"{HEADER}\naccount.1.sip_server.1.port = 50\x1b61\n"
    (finding,) = lint_config(text.encode(), "yealink", "y.cfg")
    assert str(finding) == (
        "y.cfg:3: error: explicit-port: account.1.sip_server.1.port = 50\\x1b61; expected: no port, so that the SRV "
        "record is asked for one; leave the port empty or 0; with a port the device asks for no SRV record, and finds "
        "no secondary"
    )
    assert finding.mark is Mark.PRIMARY


@pytest.mark.parametrize(
    ("vendor", "text"),
    [
        ("yealink", "account.1.password = hunter#%BWAUTHPASSWORD-1%"),
        ("grandstream", "<a><P34>hunter&amp;%X%</P34></a>"),
        ("audiocodes", 'Authentication 0 = "u", "hunter"%X%";'),
        ("generic", "line1.password = http://hunter/%X%"),
        ("generic", "admin_password = http://hunter"),
        ("generic", "provisioning = http://user:hunter@x/"),
    ],
)
def test_no_password_is_shown(vendor: str, text: str) -> None:
    content = f"{HEADER}{text}" if vendor == "yealink" else text
    found = lint_config(content.encode(), vendor, "x.cfg")
    assert found
    assert not any("hunter" in str(finding) for finding in found)


def test_what_rests_on_no_source_is_a_warning() -> None:
    (finding,) = lint_config(f"{HEADER}account.1.password = a#b".encode(), "yealink", "x.cfg")
    assert finding.is_warning
    assert "x.cfg:2: warning: password-not-carried: account.1.password has 1 characters that yealink" in str(finding)


def test_nothing_to_look_at_is_no_pass() -> None:
    with pytest.raises(UsageError, match=r"no setting of a file of yealink's was found"):
        lint_config(b"<settings/>", "yealink", "x.cfg")
    with pytest.raises(UsageError, match=re.escape("no rules for 'yeelink'; did you mean 'yealink'?")):
        lint_config(b"a = 1", "yeelink", "x.cfg")


def test_vendors() -> None:
    for one in ("yealink", "poly", "grandstream", "snom", "fanvil", "audiocodes", "generic"):
        assert vendor_of(one) == one
    assert (vendor_of("Polycom"), vendor_of("Yealink"), vendor_of("Baresip")) == ("poly", "yealink", None)
