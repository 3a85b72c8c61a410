"""``certsuite tls``: offer TLS to any client and judge it; read the chain of a server."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from certsuite import __version__
from certsuite.checks.tls_client import Ledger, Needs
from certsuite.cli import root_listening
from certsuite.cli.chain_text import chain_text
from certsuite.cli.listening import connection_text, document, offers_text, outcome, settled_text, summary_text
from certsuite.cli.root_listening import AskedRoot
from certsuite.cli.telling import say, told
from certsuite.core.errors import BenchError, UsageError
from certsuite.core.redaction import printable
from certsuite.edge import chain_fetcher
from certsuite.edge.tls_listener import PATIENCE_S, TlsListener
from certsuite.pytest_plugin.options import read_root
from certsuite.tls.assemble import pem
from certsuite.tls.conversation import Told
from certsuite.tls.keys import KeyPool
from certsuite.tls.offers import GOOD, Offers, make_offers
from certsuite.tls.pki import Names, Pki
from certsuite.tls.presented_chain import read_chain
from certsuite.tls.probe_conversation import ProbeTold
from certsuite.tls.templates import is_address

app = typer.Typer(no_args_is_help=True, help="TLS by itself: no SIP, no device profile.")

ROOT_FILE = "lab-root.pem"
RESULT_FILE = "tls-listen.json"

_FIRST_PORT = 9001
_SIP_TLS_PORT = 8934
"Where SRV records of Webex Calling point to in the field."
_LINES_A_SECOND = 20
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_HOST_LIMIT = 253
"Characters of a name (RFC 1035 section 2.3.4)."


@app.callback()
def _tls() -> None:
    """TLS by itself: no SIP, no device profile."""


@app.command()
@told
def listen(
    address: Annotated[
        str, typer.Option(help="Where to listen: an address of this machine.", metavar="ADDRESS")
    ] = "127.0.0.1",
    host: Annotated[
        str | None,
        typer.Option(help="Name or address that the device connects to; the certificates are for it.", metavar="NAME"),
    ] = None,
    port_from: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help=f"First port, {_FIRST_PORT} unless given; 0: any that are free.", metavar="P"
        ),
    ] = None,
    one_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="All on this port: the next presentation at each connection.", metavar="P"),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this presentation, and good; may be repeated.", metavar="NAME")
    ] = None,
    root: Annotated[
        str | None,
        typer.Option(help="Also ask each client whether it trusts this root: a name, or a PEM file.", metavar="ROOT"),
    ] = None,
    chain: Annotated[
        str | None,
        typer.Option(
            help="Genuine chain under that root (PEM, the leaf first): asks in five more ways.", metavar="FILE"
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for a silent client.", metavar="SECONDS")
    ] = PATIENCE_S,
    out: Annotated[Path | None, typer.Option(help="Folder for the root and the result.", metavar="DIR")] = None,
) -> None:
    """Offer good and bad certificates, TLS versions and behaviours to any client, and judge it live.

    Ctrl-C ends it. Exit code: 0 if all that was tried is well, 1 if something failed, 5 if something is undecided or
    nothing was judged.
    """
    if port_from is not None and one_port is not None:
        raise UsageError("--port-from and --one-port exclude each other")
    if chain is not None and root is None:
        raise UsageError("--chain is for the root probe: say by --root which root the chain is under")
    asked = None if root is None else read_root(root, chain)
    names = _names(address, host or (asked.host if asked else None) or None)
    folder = out or Path(f"certsuite-listen-{datetime.now():%Y%m%d-%H%M%S}")
    say(f"making keys and certificates for {names.outbound_proxy} ...")
    with KeyPool() as keys:
        pki = Pki.mint(datetime.now(UTC), names, keys)
        if not only:
            pki.prepare()
        offers = make_offers(pki, only or ())
        probe = None if asked is None else AskedRoot.make(asked, pki)
    session = _Session(address, offers, probe, pki, folder, patience_s=patience)
    session.write_root()
    first_port = _FIRST_PORT if port_from is None else port_from
    asyncio.run(session.run(first_port if one_port is None else one_port, cycles=one_port is not None))
    code, text = outcome(session.ledger)
    say(summary_text(session.ledger, offers))
    say(f"result: {session.write_result()}\n{text}")
    raise typer.Exit(code)


@app.command("fetch-chain")
@told
def fetch_chain(
    server: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help=f"Port {_SIP_TLS_PORT} unless given.")],
    srv: Annotated[
        bool, typer.Option("--srv", help="Ask for the SRV record _sips._tcp.HOST first, and go where it says.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="File to write, HOST-chain.pem unless given.", metavar="FILE")
    ] = None,
) -> None:
    """Read the certificates that a live server presents, and write them for the root probe.

    The leaf comes first, and the root is left out. Nothing but a handshake is sent, and nothing is verified, since the
    chain is only looked at. Exit code 3 if the server cannot be reached or does not speak TLS.
    """
    host, port = _place(server)
    if srv and (port is not None or is_address(host)):
        raise UsageError("--srv wants a host name without a port: the SRV record says the port")
    presented = read_chain(asyncio.run(_fetch(host, port or _SIP_TLS_PORT, srv=srv)))
    say(chain_text(presented))
    path = out or Path(f"{host.replace(':', '-')}-chain.pem")
    try:
        path.write_bytes(b"".join(pem(one) for one in presented.chain))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; name another file by --out") from error
    say(f"written: {path} (certificates: {len(presented.chain)})")
    root = presented.root.name if presented.root else "ROOT.pem"
    say("It is for the root probe, which asks a device whether it trusts that root:")
    say(f"  certsuite run PROFILE --root {root} --chain {path}")


async def _fetch(host: str, port: int, *, srv: bool) -> tuple[bytes, ...]:
    """The certificates that are presented: by the host, or by the first of its SRV targets that answers."""
    if not srv:
        return await chain_fetcher.fetch_chain(host, port, server_name=host)
    targets = await chain_fetcher.sips_targets(host)
    for one in targets:
        say(f"_sips._tcp.{host}: priority {one.priority}, weight {one.weight}: {printable(one.host)} port {one.port}")
    problems = []
    for one in targets:
        try:
            # The certificate has to be for the name that was asked for, before SRV (RFC 5922 section 7).
            sent = await chain_fetcher.fetch_chain(one.host, one.port, server_name=host)
        except BenchError as error:
            problems.append(str(error))
            continue
        say(f"read from {printable(one.host)} port {one.port}")
        return sent
    raise BenchError("; ".join(problems))


def _place(server: str) -> tuple[str, int | None]:
    """(host, port or None) of ``HOST[:PORT]``; an IPv6 address with a port stands in brackets."""
    bracketed = re.fullmatch(r"\[(.+)\](?::(\d{1,5}))?", server)
    plain = None if is_address(server) else re.fullmatch(r"([^:]+)(?::(\d{1,5}))?", server)
    match = bracketed or plain
    host, port = (match[1], match[2]) if match else (server, None)
    if not (is_address(host) or _is_host(host)) or (port is not None and not 0 < int(port) <= 65_535):
        raise UsageError(f"expected HOST or HOST:PORT, such as sip.example.com:5061, not {printable(server)}")
    return host, int(port) if port is not None else None


def _is_host(name: str) -> bool:
    return len(name) <= _HOST_LIMIT and _HOST.fullmatch(name) is not None


def _names(address: str, host: str | None) -> Names:
    """What the certificates are for. Raises :class:`UsageError` for what cannot be listened on, or be named."""
    if not is_address(address):
        raise UsageError(f"--address must be an IP address of this machine, not {printable(address)}")
    at = ip_address(address)
    if host is None and at.is_unspecified:
        raise UsageError(f"--address {address} is all of them: say by --host what the device connects to")
    name = host or ("localhost" if at.is_loopback else address)
    if not is_address(name) and not _is_host(name):
        raise UsageError(f"--host must be a host name in ASCII or an IP address, not {printable(name)}")
    return Names(name.lower(), addresses=(name if is_address(name) else address,))


class _Session:
    """One time of listening."""

    def __init__(
        self, address: str, offers: Offers, probe: AskedRoot | None, pki: Pki, folder: Path, *, patience_s: float
    ) -> None:
        steps = probe.steps if probe else ()
        self.ledger = Ledger(probe.root.name if probe else "", tuple(dict.fromkeys(one.mode for one in steps)))
        self._offers = offers
        self._probe = probe
        self._listener = TlsListener(
            address, (*offers.offered, *steps), self._take, on_answered=self._take_answer, patience_s=patience_s
        )
        self._pki = pki
        self._folder = folder
        self._cycles = False
        self._second = 0
        self._lines = 0
        self._unsaid = 0

    def write_root(self) -> None:
        """Write what the device has to trust. Raises :class:`UsageError` if that cannot be."""
        self._write(ROOT_FILE, self._pki.root_pem)

    def write_result(self) -> Path:
        """Write the result for programs; gives its path. Raises :class:`UsageError` if that cannot be."""
        probe = self._probe
        result = {
            "suite_version": __version__,
            "started": self._pki.now.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "address": self._listener.address,
            "host": self._pki.names.outbound_proxy,
            "connections_over_the_limit": self._listener.too_many,
            **document(self.ledger, self._offers, self._listener.ports),
            **({"root_probe": root_listening.asked_document(probe, self._listener.ports)} if probe else {}),
        }
        return self._write(RESULT_FILE, (json.dumps(result, indent=2) + "\n").encode("utf-8"))

    async def run(self, port: int, *, cycles: bool) -> None:
        """Listen until Ctrl-C."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        self._cycles = cycles
        if cycles:
            await self._listener.start_on_one_port(port)
        else:
            await self._listener.start(port)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        self._introduce()
        await stopped.wait()
        await self._listener.stop()
        if self._listener.too_many:
            say(f"{self._listener.too_many} connections were closed at once: too many at a time")

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}; give another folder by --out") from error
        return path

    def _introduce(self) -> None:
        listener, host = self._listener, self._pki.names.outbound_proxy
        say("")
        say(offers_text(self._offers, listener.ports, host, one_port=self._cycles))
        say(f"1. Load into the device as a trusted root:  {self._folder / ROOT_FILE}")
        good = listener.ports[GOOD]
        if self._cycles:
            say(
                f"2. Let it connect to {host} port {good} again and again: each connection meets the next presentation,"
            )
            say("   and before each of them good. Its refusals count once it has taken good.")
        else:
            say(f"2. Let it connect to {host} port {good}, which is good. Its refusals count once it has done that.")
            say("3. Then the other ports, as many as you like.")
        if self._probe is not None:
            self._introduce_probe(self._probe, host)
        say(f"To try it:  {self._example(good)}")
        say(f"\nlistening on {listener.address}; Ctrl-C ends it and prints a summary\n")

    def _introduce_probe(self, probe: AskedRoot, host: str) -> None:
        listener = self._listener
        if self._cycles:
            say(f"   Among them are {len(probe.steps)} steps that ask whether it trusts {probe.root.name}.")
        else:
            say(f"4. For the root probe the ports below, always as {host}, each once or more often: a row is read once")
            say("   all of its ports were answered, and a second time shows whether that is steady.\n")
            say(root_listening.ports_text(probe, listener.ports))
        for note in root_listening.notes(probe.root, host, self._pki.now):
            say(note)

    def _what_is_needed(self, needs: Needs) -> str:
        good = "good" if self._cycles else f"good (port {self._listener.ports[GOOD]})"
        if needs is Needs.CONTROL:
            return f"{'':10}-> this is settled once the client has connected to {good}"
        return f"{'':10}-> a refusal if it sends data to {good} again, as before: let it connect there in the same way"

    def _example(self, port: int) -> str:
        host, address = self._pki.names.outbound_proxy, self._listener.address
        bracketed = f"[{host}]" if ":" in host else host
        known = is_address(host) or host == "localhost"
        resolve = "" if known else f" --resolve {host}:{port}:{address}"
        return f"curl --cacert {self._folder / ROOT_FILE}{resolve} https://{bracketed}:{port}/"

    def _take(self, remote: tuple[str, int], port: int, seen: Told) -> None:
        entry = self.ledger.take(remote[0], seen)
        clock = self._now()
        if self._may_say():
            say(connection_text(clock, _source(remote), port, seen, entry.ruled))
            if entry.ruled.needs is not Needs.NOTHING:
                say(self._what_is_needed(entry.ruled.needs))
        for tally in entry.settled:
            say(settled_text(clock, remote[0], tally))

    def _take_answer(self, remote: tuple[str, int], port: int, seen: ProbeTold) -> None:
        reading = self.ledger.take_answer(remote[0], seen)
        clock = self._now()
        if self._may_say():
            say(root_listening.answer_text(clock, _source(remote), port, seen))
        if reading is not None:
            say(root_listening.reading_text(clock, remote[0], reading))

    def _now(self) -> str:
        """The time of day. What was not said in an earlier second is counted first."""
        now = datetime.now()
        if self._second != int(now.timestamp()):
            if self._unsaid:
                say(f"... and {self._unsaid} more connections, which are counted")
            self._second, self._lines, self._unsaid = int(now.timestamp()), 0, 0
        return f"{now:%H:%M:%S}"

    def _may_say(self) -> bool:
        """Whether there is room for a line of one more connection in this second."""
        self._lines += 1
        if self._lines > _LINES_A_SECOND:
            self._unsaid += 1
        return self._lines <= _LINES_A_SECOND


def _source(remote: tuple[str, int]) -> str:
    return f"[{remote[0]}]:{remote[1]}" if ":" in remote[0] else f"{remote[0]}:{remote[1]}"
