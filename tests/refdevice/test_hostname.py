"""The comparison of a certificate's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.refdevice.hostname import HostNameMismatch, check_host_name

if TYPE_CHECKING:
    from tests.refdevice.conftest import Authority


@pytest.mark.parametrize(
    ("san", "common_name"),
    [
        (["hs17.lab.example"], ""),
        (["other.example", "HS17.lab.example"], ""),
        (["*.lab.example"], ""),
        ([], "hs17.lab.example"),
    ],
)
def test_names_that_fit(authority: Authority, san: list[str], common_name: str) -> None:
    check_host_name(authority.leaf(*san, common_name=common_name)[0], "hs17.lab.example")


@pytest.mark.parametrize(
    ("san", "common_name"),
    [
        (["other.example"], "hs17.lab.example"),
        (["*.example"], ""),
        (["*"], ""),
        ([], ""),
        (["lab.example"], ""),
    ],
)
def test_names_that_do_not(authority: Authority, san: list[str], common_name: str) -> None:
    with pytest.raises(HostNameMismatch, match=r"not for hs17\.lab\.example"):
        check_host_name(authority.leaf(*san, common_name=common_name)[0], "hs17.lab.example")
