"""Forms in which a call may come to a device, by name: who calls, what stands beside, how it is written."""

from __future__ import annotations

from certsuite.sip.invite_forms import Edit, adding, folded, identified, of_size, through, without_identity

_LONG_SDP = 20_000
"Bytes: more than any buffer of a fixed size for one message is likely to have."
_PROXIES = 40
"More than any message passes: Max-Forwards begins at 70, and a path of ten is long."
_ASSERTED = '"Colleague"<sip:2065550100@lab.invalid;user=phone>'

FORMS: dict[str, Edit] = {
    "an anonymous caller": identified(
        '"Anonymous"<sip:anonymous@anonymous.invalid>', "<sip:anonymous@anonymous.invalid>", privacy="id"
    ),
    "a name in many scripts": identified(
        '"Zo\u00eb \u0141ukasz \u5c71\u7530 \u05d0\u05d1 \U0001f4de"<sip:2065550100@lab.invalid;user=phone>',
        '"Zo\u00eb \u0141ukasz \u5c71\u7530 \u05d0\u05d1 \U0001f4de"<sip:2065550100@lab.invalid;user=phone>',
    ),
    "no asserted identity": without_identity,
    "two asserted identities": identified(_ASSERTED, _ASSERTED, '"Colleague"<tel:+12065550100>'),
    "a diverted call": adding(
        ("Diversion", '"Front, desk"<sip:2065550111@lab.invalid>;reason=no-answer;counter=1;privacy=off;screen=no'),
        ("History-Info", "<sip:2065550111@lab.invalid?Reason=SIP%3Bcause%3D480>;index=1"),
        ("History-Info", "<sip:2065550112@lab.invalid>;index=1.1;rc=1"),
    ),
    "a distinctive ring": adding(("Alert-Info", "<http://127.0.0.1/Bellcore-dr3>")),
    "a ring splash": adding(("Alert-Info", "<http://127.0.0.1/Bellcore-dr5>;info=alert-internal;x-line-id=0")),
    "extensions on offer": adding(
        ("Supported", "100rel,timer,replaces"), ("Session-Expires", "1800"), ("Min-SE", "90")
    ),
    "folded and long headers": folded,
    "a long session description": of_size(_LONG_SDP),
    "many proxies on its way": through(_PROXIES),
}
"What a device must take as it takes a plain call."
