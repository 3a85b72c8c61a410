"""What ``certsuite tls listen --root`` shows of the root probe: its ports, an answer a line, what each client's say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from certsuite.checks.probe_answers import ProbeAnswers
from certsuite.checks.root_probe import RootReading
from certsuite.checks.tls_client import root_ruling, unasked
from certsuite.cli.ruling_styles import STYLES
from certsuite.cli.telling import say
from certsuite.core.redaction import printable
from certsuite.tls.pki import Pki
from certsuite.tls.probe_chains import ProbeChains, ProbeKeys, Role, TrustedRoot
from certsuite.tls.probe_conversation import ProbeOffer, ProbeTold, probe_offers
from certsuite.tls.probe_reissue import PrivateKey, PublicKey, like
from certsuite.tls.probe_roots import ProbedRoot

_WIDTH = 9
"Of a column of ports."


@dataclass(frozen=True, slots=True)
class AskedRoot:
    """The root that clients are asked for, and by what."""

    root: ProbedRoot
    steps: tuple[ProbeOffer, ...]

    @classmethod
    def make(cls, root: ProbedRoot, pki: Pki) -> AskedRoot:
        """Make keys and chains; each key is told, since those of 4096 bits take seconds. Blocks meanwhile."""
        trusted = TrustedRoot.of(pki.lab.root, pki.lab.root_key)
        chains = ProbeChains.make(
            root.certificate,
            trusted,
            ProbeKeys(_telling),
            host=pki.names.outbound_proxy,
            now=pki.now,
            genuine=root.chain,
        )
        return cls(root, probe_offers(chains))


def _telling(shape: PublicKey) -> PrivateKey:
    say(f"making a key of {shape.key_size} bits for the root probe ...")
    return like(shape)


def notes(root: ProbedRoot, host: str, now: datetime) -> list[str]:
    """What the user should know of the chain before he connects anything."""
    if not root.chain:
        return ["Without --chain FILE, a genuine chain under the root, GnuTLS and mbedTLS cannot be asked."]
    found = []
    if root.host.lower() != host:
        found.append(f"The chain is one of {root.host}: a device that connects to {host} may look at the name first.")
    if root.valid_at(now) != now:
        found.append(
            f"The chain is not valid on {now.astimezone(UTC):%Y-%m-%d}: a device that looks at that first says nothing."
        )
    return found


def ports_text(asked: AskedRoot, ports: Mapping[str, int]) -> Text:
    """The table of the probe: a row for each mode, a port for each role."""
    text = Text()
    text.append("".join(f"{role:<{_WIDTH}}" for role in Role), "bold")
    text.append(f"how the device is asked for {asked.root.name}\n", "bold")
    for mode in dict.fromkeys(one.mode for one in asked.steps):
        row = {one.role: ports[one.name] for one in asked.steps if one.mode == mode}
        text.append("".join(f"{row[role]:<{_WIDTH}}" for role in Role) + f"{mode}\n")
    return text


def answer_text(clock: str, remote: str, port: int, told: ProbeTold) -> Text:
    """The line of one connection to a step. ``clock`` is the time of day."""
    did = str(told.answer) if told.answer is not None and told.hello is not None else unasked(told)
    more = f": {printable(told.detail, at_most=80)}" if told.detail else ""
    return Text(f"{clock}  {'root probe':<14}{port} {told.offer.name:<25} {remote:<21} {did}{more}")


def reading_text(clock: str, address: str, reading: RootReading) -> Text:
    """The line that tells what a client's answers say so far."""
    ruling = root_ruling(reading)
    text = Text(f"{clock}  ")
    text.append(f"{ruling.value:<14}", STYLES[ruling])
    text.append(f"root probe of {address}: {reading.trust}: {reading.summary}")
    return text


def summary(text: Text, answers: ProbeAnswers) -> None:
    """Adds the conclusion about one client with every mode's reason."""
    reading = answers.reading
    ruling = root_ruling(reading)
    text.append("  ")
    text.append(f"{ruling.value:<14}", STYLES[ruling])
    first, *reasons = reading.reasoning.split("\n")
    text.append(f"root probe: {reading.trust}: {first}\n")
    for reason in reasons:
        text.append(f"  {'':14}{reason}\n")
    once = [str(mode) for mode in answers.by_mode if answers.times(mode) == 1]
    if once:
        text.append(f"  {'':14}asked once, which does not show whether it is steady: {', '.join(once)}\n")


def document(answers: ProbeAnswers) -> dict[str, Any]:
    """The same for programs."""
    reading = answers.reading
    return {
        "trust": reading.trust.value,
        "verdict": root_ruling(reading).value,
        "why": reading.summary,
        "accepts_unknown_root": reading.accepts_unknown_root,
        "modes": [
            {
                "mode": str(one.mode),
                "reading": one.reading.value,
                "why": one.reason,
                "answers": {role.value: [str(answer) for answer in answers.by_mode[one.mode][role]] for role in Role},
            }
            for one in reading.modes
        ],
    }


def asked_document(asked: AskedRoot, ports: Mapping[str, int]) -> dict[str, Any]:
    """What was asked for, for programs."""
    return {
        "root": asked.root.name,
        "fingerprint": asked.root.certificate.fingerprint,
        "genuine_chain": [one.fingerprint for one in asked.root.chain],
        "ports": {one.name: ports.get(one.name) for one in asked.steps},
    }
