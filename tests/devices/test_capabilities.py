"""What a device claims."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from certsuite.devices.capabilities import Capabilities


def test_nothing_is_claimed_that_is_not_said() -> None:
    claims = Capabilities()
    assert not any(getattr(claims, name) for name in Capabilities.model_fields)


@pytest.mark.parametrize("claim", [{"holds": True}, {"hold": "yes"}, {"subscriptions": ["presence"]}, {"codecs": [""]}])
def test_what_is_no_claim_is_refused(claim: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Capabilities.model_validate(claim)


def test_a_claim_does_not_change() -> None:
    with pytest.raises(ValidationError):
        Capabilities().hold = True
