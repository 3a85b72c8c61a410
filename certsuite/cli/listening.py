"""What ``certsuite tls listen`` shows: the table of offers, a line a connection, the summary; and the same as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from certsuite.checks.tls_client import Client, Ledger, Reaction, Ruled, Ruling, Tally
from certsuite.cli import root_listening
from certsuite.cli.ruling_styles import STYLES
from certsuite.core.redaction import printable
from certsuite.core.results import EXIT_NOTHING
from certsuite.tls.alerts import FATAL
from certsuite.tls.conversation import EndedBy, Told
from certsuite.tls.offers import GOOD, Offer, Offers
from certsuite.tls.recipes import GoodClient
from certsuite.tls.stacks import likeness
from certsuite.tls.suite_judgement import Grade, judge_suite
from certsuite.tls.suites import suite_name

_ENDS = {"close_notify": "closed in order", "fin": "closed", "rst": "reset", "alert": "closed"}
_GRADES = (Grade.GOOD, Grade.DATED, Grade.WEAK, Grade.UNKNOWN)
_SUITES_IN_JSON = 200


def offers_text(offers: Offers, ports: Mapping[str, int], host: str, *, one_port: bool) -> Text:
    """The table of what is offered where, and what a good client does. ``host`` is what the certificates are for."""
    text = Text()
    width = max(len(name) for name in ("presentation", *(one.name for one in offers.offered)))
    text.append(f"{'' if one_port else 'port   '}{'presentation':<{width}}  a good client  what is presented", "bold")
    text.append(f" (the outbound proxy is {host})\n")
    for one in offers.offered:
        port = "" if one_port else f"{ports[one.name]:<7}"
        text.append(f"{port}{one.name:<{width}}  {_due(one):<13}  {one.what}\n", "bold" if one.name == GOOD else "")
    for left in offers.left_out:
        text.append(f"{'' if one_port else '-      '}{left.name:<{width}}  not offered:   {left.why}\n", "dim")
    return text


def _due(offer: Offer) -> str:
    match offer.due.verdict_for_a_good_client:
        case GoodClient.ACCEPTS:
            return "accepts"
        case GoodClient.REFUSES:
            return "refuses"
        case _:
            return "does either"


def connection_text(clock: str, remote: str, port: int, told: Told, ruled: Ruled) -> Text:
    """The line of one connection. ``clock`` is the time of day."""
    text = Text(f"{clock}  ")
    text.append(f"{ruled.ruling.value:<14}", STYLES[ruled.ruling])
    text.append(f"{port} {told.offer.name:<25} {remote:<21} {did(told)}: {ruled.why}")
    return text


def did(told: Told) -> str:
    """What the client did, as it was seen: alert, handshake, data, end."""
    if told.cleartext:
        return f"no TLS: '{printable(told.cleartext.decode('latin-1'), at_most=40)}'"
    if told.hello is None:
        return f"{told.received} bytes and no ClientHello, {_end(told)}"
    parts = []
    if told.alert is not None:
        level = "fatal" if told.alert.level == FATAL else "warning"
        parts.append(f"{level} alert {told.alert.description} ({told.alert.name})")
    else:
        parts.append("no alert")
    parts.append(f"handshake complete ({told.established.version})" if told.established else "handshake not complete")
    parts.append("data" if told.data else "no data")
    if not told.data:
        parts.append(_end(told))
    return ", ".join(parts)


def _end(told: Told) -> str:
    match told.ended_by:
        case EndedBy.CLIENT:
            return f"{_ENDS.get(told.how, 'closed')} by the client"
        case EndedBy.LISTENER:
            return "closed by the listener"
        case EndedBy.PATIENCE:
            return "still open when patience was over"
        case _:
            return "still open when the listener stopped"


def settled_text(clock: str, address: str, tally: Tally) -> Text:
    """The line that tells that something earlier is decided now."""
    text = Text(f"{clock}  ")
    text.append(f"{tally.ruling.value:<14}", STYLES[tally.ruling])
    text.append(f"{tally.offer.name} of {address} is decided by this: {tally.why}")
    return text


def summary_text(ledger: Ledger, offers: Offers) -> Text:
    """All clients with all verdicts."""
    text = Text()
    for client in ledger.clients.values():
        text.append(f"\n{client.address}", "bold")
        text.append(f"  {_many(client.connections, 'connection')}\n")
        _shapes(text, client)
        _tallies(text, client, offers)
        if client.answers is not None:
            root_listening.summary(text, client.answers)
        for what, count in client.not_judged.items():
            text.append(f"  not judged: {_many(count, 'connection')}: {what}\n")
    if ledger.beyond:
        text.append(f"\n{_many(ledger.beyond, 'connection')} from further addresses: not judged\n")
    if not ledger.clients:
        text.append("\nnothing connected\n")
    return text


def _shapes(text: Text, client: Client) -> None:
    for shape in client.shapes.values():
        versions = ", ".join(printable(one) for one in shape.versions)
        asked = f"; asks for {shape.server_name}" if shape.server_name else "; names no server"
        known = likeness(shape.fingerprint)
        made = f"fingerprint {shape.fingerprint}{', ' if known else ''}{known}"
        text.append(f"  offers {versions}; {_suites(shape.cipher_suites)}{asked}; {made}\n")
    if len(client.shapes) > 1:
        text.append(
            "  Several kinds of ClientHello came from this address. If these are several programs, their controls are "
            "mixed: let them connect from addresses of their own.\n"
        )


def _suites(numbers: tuple[int, ...]) -> str:
    grades = Counter(judge_suite(number).grade for number in numbers)
    told = ", ".join(f"{grades[grade]} {grade}" for grade in _GRADES if grades[grade])
    return f"cipher suites: {told or 'none'}"


def _tallies(text: Text, client: Client, offers: Offers) -> None:
    rows = [client.tallies[one.name] for one in offers.offered if one.name in client.tallies]
    if not rows:
        return
    width = max(len(tally.offer.name) for tally in rows)
    for tally in rows:
        text.append("  ")
        text.append(f"{tally.ruling.value:<14}", STYLES[tally.ruling])
        alerts = ", ".join(f"alert {number} ({name})" for number, name in tally.alerts)
        text.append(f"{tally.offer.name:<{width}}  {_counts(tally)}; {alerts or 'no alert'}; {tally.why}\n")
    if not client.accepts_good:
        text.append("  No control: no handshake with the good chain was completed, so no refusal counts.\n")


def _counts(tally: Tally) -> str:
    return ", ".join(f"{count} {reaction}" for reaction, count in tally.reactions.items())


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def outcome(ledger: Ledger) -> tuple[int, str]:
    """The exit code, and what it says."""
    rulings = ledger.rulings
    told = ", ".join(f"{rulings[one]} {one}" for one in STYLES if rulings[one])
    if rulings[Ruling.FAIL]:
        probed = any(client.answers is not None for client in ledger.clients.values())
        return 1, f"{told}. Exit code 1: a client did what it must not{', or lacks the root' if probed else ''}"
    if not rulings[Ruling.PASS] + rulings[Ruling.WARN]:
        return EXIT_NOTHING, f"{told or 'no verdict'}. Exit code {EXIT_NOTHING}: nothing could be judged"
    if rulings[Ruling.INCONCLUSIVE]:
        return EXIT_NOTHING, f"{told}. Exit code {EXIT_NOTHING}: what is inconclusive is open"
    return 0, f"{told}. Exit code 0: what was tried is as it should be"


def document(ledger: Ledger, offers: Offers, ports: Mapping[str, int]) -> dict[str, Any]:
    """The same for programs. All text of clients is made printable."""
    return {
        "offers": [
            {
                "name": one.name,
                "port": ports.get(one.name),
                "what": one.what,
                "due": one.due.verdict_for_a_good_client.value,
                "level": one.due.level.value,
                "source": one.due.clause,
            }
            for one in offers.offered
        ],
        "not_offered": {one.name: one.why for one in offers.left_out},
        "clients": [_client_document(client) for client in ledger.clients.values()],
        "connections_of_further_addresses": ledger.beyond,
        "exit_code": outcome(ledger)[0],
    }


def _client_document(client: Client) -> dict[str, Any]:
    return {
        "address": client.address,
        "connections": client.connections,
        "control": client.accepts_good,
        "client_hellos": [
            {
                "fingerprint": shape.fingerprint,
                "like": likeness(shape.fingerprint) or None,
                "count": shape.count,
                "versions": list(shape.versions),
                "cipher_suites": [suite_name(number) for number in shape.cipher_suites[:_SUITES_IN_JSON]],
                "server_name": shape.server_name,
            }
            for shape in client.shapes.values()
        ],
        "verdicts": {
            name: {
                "verdict": tally.ruling.value,
                "why": tally.why,
                "reactions": {
                    reaction.value: tally.reactions[reaction] for reaction in Reaction if tally.reactions[reaction]
                },
                "alerts": [
                    {"number": number, "name": alert, "count": count} for (number, alert), count in tally.alerts.items()
                ],
            }
            for name, tally in client.tallies.items()
        },
        **({"root_probe": root_listening.document(client.answers)} if client.answers is not None else {}),
        "not_judged": dict(client.not_judged),
    }
