"""The guide's example is a profile that works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from certsuite.devices.check import check_profile

GUIDE = Path(__file__).parents[2] / "docs" / "profiles.md"


def test_the_example_of_the_guide_has_no_problems(write: Callable[[str, str], Path], search: Path) -> None:
    profile, variant = re.findall(r"```yaml\n(schema.*?)```", GUIDE.read_text(), re.DOTALL)
    (template,) = re.findall(r"```\n(\[network\].*?)```", GUIDE.read_text(), re.DOTALL)
    (search / "acme" / "phone.cfg.j2").unlink()
    write("acme-x1.yaml", profile)
    write("acme/x1.ini.j2", template)
    write("acme-x1-new.yaml", variant)
    report = check_profile("acme-x1", search)
    assert (report.problems, report.files) == ((), ("x1.ini",))
    assert check_profile("acme-x1-new", search).problems == ()
