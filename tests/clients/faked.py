"""A clock of its own for a program that a test starts."""

from __future__ import annotations

from certsuite.devices.drivers import faketime


def faked(clock: str) -> list[str]:
    """What the command line begins with; ``clock`` as ``faketime`` reads it, nothing for this machine's time."""
    if not clock:
        return []
    faketime.clear_segments()
    return ["faketime", "--exclude-monotonic", "-f", clock]
