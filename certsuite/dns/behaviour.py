"""How the bench's DNS server misbehaves: data, which the responder applies to the questions that it is about.

What is wrong with the *records* (a CNAME in the way, a target that leads nowhere) is no behaviour but another zone.
"""

from __future__ import annotations

from dataclasses import dataclass

from certsuite.dns.zone import Zone, plain_name

EVERYTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DnsBehaviour:
    """One way to answer. The defaults are a good server."""

    name: str = "good"
    "What the record calls it; a question that met it carries this name."
    types: frozenset[str] = EVERYTHING
    "Record types that it is about, such as ``SRV``; empty is all."
    names: frozenset[str] = EVERYTHING
    "Names that it is about, in lower case and without a final dot; empty is all."
    answers: bool = True
    "Whether anything is sent at all."
    rcode: str = ""
    "Response code in place of an answer: ``SERVFAIL``, ``NXDOMAIN``, ``REFUSED``; ``NOERROR`` is an empty answer."
    truncates: bool = False
    "Whether a UDP answer is empty and has the TC bit; over TCP it is whole (RFC 7766 section 5)."
    forged: Zone | None = None
    "A UDP answer from this zone with another id goes ahead of the right one (RFC 5452 section 9.1)."
    other_letter_case: bool = False
    "Whether letters of the question and of the targets come back in the other case (RFC 4343)."
    understands_edns: bool = True
    "Else a question with OPT gets FORMERR, as from a server older than EDNS (RFC 6891 section 7)."
    delay_s: float = 0.0
    "Seconds between question and answer."

    def is_about(self, name: str, type: str) -> bool:
        """Whether a question is one of those that it is about."""
        return (not self.types or type in self.types) and (not self.names or plain_name(name) in self.names)


GOOD = DnsBehaviour()
