"""``docs/faults.md``, the fault table for people: ``python -m certsuite.cli.faults_page > docs/faults.md``."""

from __future__ import annotations

import sys

from certsuite.pytest_plugin.faults import fault_table


def faults_page() -> str:
    """The page."""
    rows = [
        "# Faults of the reference device",
        "",
        "Each fault is run against the suite, and must come to exactly this; every other case that applies passes.",
        "`certsuite run reference --fault NAME` shows one. The data is `certsuite/refdevice/faults.yaml`.",
        "",
        "| fault | what the device does | fails | inconclusive | warns | exit |",
        "|---|---|---|---|---|---|",
    ]
    for fault in fault_table().values():
        inconclusive = _list(fault.inconclusive) if fault.passes is None else "every other case"
        rows.append(
            f"| `{fault.name}` | {fault.about} | {_list(fault.fail)} | {inconclusive} | {_list(fault.warn)} "
            f"| {fault.exit_code} |"
        )
    return "\n".join(rows) + "\n"


def _list(ids: tuple[str, ...]) -> str:
    return ", ".join(ids) or "-"


if __name__ == "__main__":
    sys.stdout.write(faults_page())
