"""Where the program begins: what it consists of is read in without looking for garbage in it."""

from __future__ import annotations

import gc


def main() -> None:
    """Entry point of the program."""
    # Nothing of a module is ever garbage. To look through them all the same, again and again while they are read in and
    # once more at the end, took a third of the time that the program needs to start and to end.
    gc.disable()
    from certsuite.cli.main import main as go_on

    gc.freeze()
    gc.enable()
    go_on()
