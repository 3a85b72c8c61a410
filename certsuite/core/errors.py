"""The errors that certsuite raises about itself and its surroundings.

A device's failure is never an exception of this tree: it is a finding.

::

    CertsuiteError
    ├── UsageError               what was asked for cannot be done as asked (exit code 4)
    │   ├── ProfileError         a device profile or a file it names is wrong: file, line, field
    │   ├── CatalogueError       the catalogue's data is wrong: file, field
    │   └── ProgramMissing       a program that the profile starts is not on this machine
    ├── BenchError               the network side could not be raised or failed (verdict ``error``)
    │   └── AddressUnavailable   no address or port is free
    ├── DriverError              the device could not be made to act
    │   ├── DeviceExited         its program ended by itself
    │   └── ActionFailed         the device did not answer an action as the profile says
    └── RecordError              the record of a run could not be written or read

``webex.errors`` has a branch of its own.
"""

from __future__ import annotations


class CertsuiteError(Exception):
    """Base of every error of ours; its text is meant for the person who runs the tool."""


class UsageError(CertsuiteError):
    """What was asked for cannot be done as asked: bad option, profile or file."""


class ProfileError(UsageError):
    """A device profile, or a file that it names, is wrong.

    The text reads ``file:line: field: what is wrong; what was expected``.
    """

    def __init__(self, problem: str, *, file: str, line: int | None = None, field: str = "") -> None:
        self.problem = problem
        self.file = file
        self.line = line
        self.field = field
        place = file if line is None else f"{file}:{line}"
        super().__init__(": ".join(part for part in (place, field, problem) if part))


class CatalogueError(UsageError):
    """The catalogue's data is wrong, or a name is not in it."""


class ProgramMissing(UsageError):
    """A program that the profile starts is not on this machine."""


class BenchError(CertsuiteError):
    """The network side could not be raised, or failed while it ran."""


class AddressUnavailable(BenchError):
    """No address or port is free for the bench."""


class DriverError(CertsuiteError):
    """The device could not be made to act."""


class DeviceExited(DriverError):
    """The device's program ended by itself."""


class ActionFailed(DriverError):
    """The device did not answer an action as its profile says it does."""


class RecordError(CertsuiteError):
    """The record of a run could not be written or read."""
