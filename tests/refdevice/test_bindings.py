"""REGISTER and what is granted."""

from __future__ import annotations

import pytest

from certsuite.refdevice.bindings import granted_expiry, retry_after
from certsuite.refdevice.faults import behaviour_with
from certsuite.sip.message import SipMessage

_OWN = "sip:user@127.0.0.2:4711;transport=tls"


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ([("Contact", "<sip:user@127.0.0.2:4711;transport=tls>;expires=60")], 60),
        ([("Contact", f'<sip:user@127.0.0.2:9>;expires=10, "a, b" <{_OWN}>;q=0.5;expires=20')], 20),
        ([("m", "<sip:user@127.0.0.2:9>;expires=10"), ("m", f"<{_OWN}>;expires=30")], 30),
        ([("Contact", f"<{_OWN}>"), ("Expires", "40")], 40),
        ([("Contact", "<sip:user@127.0.0.2:9>;expires=10")], 240),
        ([("Expires", "soon")], 240),
    ],
)
def test_the_grant_of_the_own_contact_counts(headers: list[tuple[str, str]], granted: int) -> None:
    assert granted_expiry(SipMessage(status=200, headers=tuple(headers)), _OWN, 240) == granted


@pytest.mark.parametrize(
    ("fault", "contact", "granted"),
    [
        ("ignores-expires-header", f"<{_OWN}>", 240),
        ("ignores-expires-header", f"<{_OWN}>;expires=20", 20),
        ("prefers-expires-header", f"<{_OWN}>;expires=20", 60),
    ],
)
def test_who_reads_the_grant_in_the_wrong_place(fault: str, contact: str, granted: int) -> None:
    response = SipMessage(status=200, headers=(("Contact", contact), ("Expires", "60")))
    assert granted_expiry(response, _OWN, 240, behaviour_with([fault])) == granted


def test_retries_come_a_little_later_each_time() -> None:
    times = [retry_after(2.0, failures) for failures in range(1, 2000)]
    assert times[0] == 2.0
    assert times == sorted(times)
    assert times[1] == 2.5
    assert times[-1] == 10.0
