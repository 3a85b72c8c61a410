"""Real clients against a real listener: what is told of each connection, and what is concluded of the client."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding

from certsuite.checks.tls_client import Ledger, Ruling
from certsuite.core.errors import AddressUnavailable
from certsuite.edge.tls_listener import OPEN_LIMIT, Cycle, TlsListener
from certsuite.tls.conversation import EndedBy, Told
from certsuite.tls.keys import KeyPool
from certsuite.tls.offers import Offer, make_offers
from certsuite.tls.pki import Names, Pki
from tests.clients.tls_clients import careless, leaves_without_an_alert, says, speaks, verifies_late, verifying

HOST = "phone.lab.example"
ADDRESS = "127.0.0.1"
ENDS_S = 20.0
PASS, FAIL, WARN = Ruling.PASS, Ruling.FAIL, Ruling.WARN
INCONCLUSIVE, RECORDED, NOT_JUDGED = Ruling.INCONCLUSIVE, Ruling.RECORDED, Ruling.NOT_JUDGED


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        minted = Pki.mint(datetime.now(UTC), Names(HOST, addresses=(ADDRESS,)), keys)
        minted.prepare()
        yield minted


@pytest.fixture(scope="module")
def root(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trust") / "root.pem"
    path.write_bytes(pki.root_pem)
    return path


@pytest.fixture(scope="module")
def offered(pki: Pki) -> tuple[Offer, ...]:
    return make_offers(pki).offered


class Listening:
    """A listener, and what it told."""

    def __init__(self, offers: Sequence[Offer], patience_s: float = ENDS_S) -> None:
        self.listener = TlsListener(ADDRESS, offers, self._take, patience_s=patience_s)
        self.ledger = Ledger()
        self.told: list[Told] = []
        self.loop_errors: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    def _take(self, remote: tuple[str, int], port: int, told: Told) -> None:
        self.ledger.take(remote[0], told)
        self.told.append(told)
        self._more.set()

    def at(self, name: str) -> tuple[str, int]:
        return ADDRESS, self.listener.ports[name]

    async def connects(self, client: Callable[..., object], *arguments: object, **more: object) -> Told:
        """Run a blocking client to its end; gives what was told of its last connection."""
        await self.tells(client, *arguments, count=1, **more)
        return self.told[-1]

    async def tells(self, client: Callable[..., object], *arguments: object, count: int, **more: object) -> None:
        wanted = len(self.told) + count
        await asyncio.to_thread(client, *arguments, **more)
        await self.until(lambda: len(self.told) >= wanted)

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(ENDS_S):
            while not fact():
                self._more.clear()
                await self._more.wait()

    def rulings(self, address: str = ADDRESS) -> dict[str, Ruling]:
        return {name: tally.ruling for name, tally in self.ledger.clients[address].tallies.items()}


@pytest_asyncio.fixture
async def listening(offered: tuple[Offer, ...]) -> AsyncIterator[Listening]:
    """Every offer on a port of its own. Whatever a client does, nothing on the loop may raise."""
    raised = Listening(offered)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.loop_errors.append(context))
    await raised.listener.start(0)
    yield raised
    await raised.listener.stop()
    assert raised.loop_errors == []


# --- programs that people have


def openssl(to: tuple[str, int], root: Path, *options: str, data: bytes = b"hello\n") -> None:
    command = [
        *("openssl", "s_client", "-connect", f"{to[0]}:{to[1]}", "-servername", HOST, "-quiet", "-no_ign_eof"),
        *("-CAfile", str(root), "-no-CApath", *options),
    ]
    subprocess.run(command, input=data, capture_output=True, check=False, timeout=ENDS_S)


VERIFIES = ("-verify_return_error", "-verify_hostname", HOST)


def gnutls(to: tuple[str, int], root: Path) -> None:
    command = [
        *("gnutls-cli", "-p", str(to[1]), "--x509cafile", str(root), "--sni-hostname", HOST),
        *("--verify-hostname", HOST, to[0]),
    ]
    subprocess.run(command, input=b"hello\n", capture_output=True, check=False, timeout=ENDS_S)


def curl(to: tuple[str, int], root: Path, *options: str) -> None:
    url = f"https://{HOST}:{to[1]}/"
    command = ["curl", "--silent", "--cacert", str(root), "--resolve", f"{HOST}:{to[1]}:{to[0]}", *options, url]
    subprocess.run(command, capture_output=True, check=False, timeout=ENDS_S)


TO_REFUSE = ("unknown-root", "wrong-host", "expired", "self-signed", "wrong-eku", "md5-signature")
TO_ACCEPT = ("good", "rsa-3072", "large-chain", "tls-1.2", "asks-for-certificate", "fragmented")
PROGRAMS: dict[str, Callable[[tuple[str, int], Path], None]] = {
    "openssl": lambda to, root: openssl(to, root, *VERIFIES),
    "gnutls-cli": gnutls,
    "curl": curl,
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.asyncio
async def test_programs_that_verify_pass(listening: Listening, root: Path, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    for name in (*TO_ACCEPT, *TO_REFUSE, "good"):
        told = await listening.connects(PROGRAMS[program], listening.at(name), root)
        assert bool(told.data) is (name in TO_ACCEPT)
        # curl looks at the host name once the handshake is complete, and then says nothing more.
        assert (told.alert is not None) is (name in TO_REFUSE and (program, name) != ("curl", "wrong-host"))
    assert listening.rulings() == dict.fromkeys((*TO_ACCEPT, *TO_REFUSE), PASS)


@pytest.mark.asyncio
async def test_a_program_that_does_not_verify_fails(listening: Listening, root: Path) -> None:
    for name in ("good", *TO_REFUSE, "sha1-signature"):
        await listening.connects(curl, listening.at(name), root, "--insecure", "--ciphers", "ALL:@SECLEVEL=0")
    # What Cisco does not ask for warns.
    warned = dict.fromkeys(("wrong-eku", "md5-signature", "sha1-signature"), WARN)
    assert listening.rulings() == {"good": PASS, **dict.fromkeys(TO_REFUSE, FAIL), **warned}


@pytest.mark.asyncio
async def test_a_program_that_says_nothing_is_judged_where_it_refuses_and_nowhere_else(
    listening: Listening, root: Path
) -> None:
    for name in ("good", "expired", "rsa-3072", "tls-1.2"):
        await listening.connects(openssl, listening.at(name), root, *VERIFIES, data=b"")
    assert listening.rulings() == {"good": INCONCLUSIVE, "expired": PASS, "rsa-3072": INCONCLUSIVE, "tls-1.2": PASS}


@pytest.mark.asyncio
async def test_a_program_that_says_nothing_and_does_not_verify_never_passes(listening: Listening, root: Path) -> None:
    for name in ("good", *TO_REFUSE[:-1]):
        await listening.connects(openssl, listening.at(name), root, data=b"")
    assert set(listening.rulings().values()) == {INCONCLUSIVE}


@pytest.mark.asyncio
async def test_old_versions(listening: Listening, root: Path) -> None:
    await listening.connects(openssl, listening.at("good"), root)
    old = ("-cipher", "ALL:@SECLEVEL=0")
    refused = await listening.connects(openssl, listening.at("tls-1.0"), root)
    assert refused.established is None
    await listening.connects(openssl, listening.at("tls-1.1"), root, *old, data=b"")
    assert listening.rulings() == {"good": PASS, "tls-1.0": PASS, "tls-1.1": FAIL}


@pytest.mark.asyncio
async def test_a_client_without_tls12_fails_that(listening: Listening, root: Path) -> None:
    for name in ("good", "tls-1.2", "tls-1.3", "fragmented"):
        await listening.connects(openssl, listening.at(name), root, "-tls1_3")
    # The fragmented offer is TLS 1.2: nothing is known of what it is about.
    wanted = {"good": PASS, "tls-1.2": FAIL, "tls-1.3": RECORDED, "fragmented": INCONCLUSIVE}
    assert listening.rulings() == wanted


# --- clients with habits


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.asyncio
async def test_a_refusal_without_an_alert_is_one(listening: Listening, pki: Pki, reset: bool) -> None:
    for name in ("good", "expired", "wrong-host"):
        told = await listening.connects(
            leaves_without_an_alert, listening.at(name), verifying(pki.root_pem), HOST, reset=reset
        )
        assert told.alert is None
    assert listening.rulings() == {"good": PASS, "expired": PASS, "wrong-host": PASS}
    assert told.how == ("rst" if reset else "fin")


@pytest.mark.asyncio
async def test_a_client_that_finishes_and_then_closes_is_judged_once_it_is_known_to_speak(
    listening: Listening, pki: Pki
) -> None:
    leaf = pki.presentation("good").chain[0].public_bytes(Encoding.DER)
    for name in ("good", "expired"):
        await listening.connects(verifies_late, listening.at(name), HOST, leaf)
    assert listening.rulings() == {"good": PASS, "expired": INCONCLUSIVE}
    await listening.connects(verifies_late, listening.at("good"), HOST, leaf)
    assert listening.rulings() == {"good": PASS, "expired": PASS}
    await listening.connects(speaks, listening.at("good"), verifying(pki.root_pem), HOST, data=b"")
    assert listening.rulings() == {"good": PASS, "expired": INCONCLUSIVE}


@pytest.mark.asyncio
async def test_a_client_that_sends_data_and_then_looks_fails(listening: Listening, pki: Pki) -> None:
    leaf = pki.presentation("good").chain[0].public_bytes(Encoding.DER)
    for name in ("good", "expired"):
        await listening.connects(verifies_late, listening.at(name), HOST, leaf, data_first=True)
    assert listening.rulings() == {"good": PASS, "expired": FAIL}


@pytest.mark.asyncio
async def test_a_client_that_never_verifies_fails(listening: Listening) -> None:
    for name in ("expired", "wrong-host"):
        await listening.connects(speaks, listening.at(name), careless(), HOST)
    # No control is needed for what was accepted.
    assert listening.rulings() == {"expired": FAIL, "wrong-host": FAIL}


@pytest.mark.asyncio
async def test_a_client_without_the_root_gets_no_verdict_on_its_refusals(listening: Listening) -> None:
    without = ssl.create_default_context(cadata=other_root())
    for name in ("expired", "rsa-3072", "good"):
        await listening.connects(speaks, listening.at(name), without, HOST)
    assert listening.rulings() == {"expired": INCONCLUSIVE, "rsa-3072": INCONCLUSIVE, "good": FAIL}


def other_root() -> str:
    with KeyPool(ahead=0) as keys:
        return Pki.mint(datetime.now(UTC), Names(HOST), keys).root_pem.decode("ascii")


@pytest.mark.asyncio
async def test_the_control_is_each_clients_own_and_may_come_later(listening: Listening, pki: Pki) -> None:
    await listening.connects(speaks, listening.at("expired"), verifying(pki.root_pem), HOST, source="127.0.0.2")
    await listening.connects(speaks, listening.at("good"), verifying(pki.root_pem), HOST, source="127.0.0.3")
    assert listening.rulings("127.0.0.2") == {"expired": INCONCLUSIVE}
    await listening.connects(speaks, listening.at("good"), verifying(pki.root_pem), HOST, source="127.0.0.2")
    assert listening.rulings("127.0.0.2") == {"expired": PASS, "good": PASS}


@pytest.mark.asyncio
async def test_a_client_that_resumes_its_session_refuses_nothing_by_leaving(listening: Listening) -> None:
    """No certificate is shown in a resumed handshake (RFC 5246 section 7.3), so none can be refused."""
    context = careless()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    sessions: list[ssl.SSLSession | None] = []

    def connects(*, resumes: bool) -> None:
        with socket.create_connection(listening.at("expired"), timeout=ENDS_S) as plain:
            session = sessions[-1] if resumes else None
            with context.wrap_socket(plain, server_hostname=HOST, session=session) as tls:
                assert tls.session_reused is resumes
                sessions.append(tls.session)

    first = await listening.connects(connects, resumes=False)
    second = await listening.connects(connects, resumes=True)
    assert (first.shown, second.shown) == (True, False)


# --- what is no TLS client


HELLO = bytes.fromhex("16030100f4010000f00303") + b"\x01" * 60
NO_CLIENTS: dict[str, bytes] = {
    "nothing": b"",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "sslv2": bytes.fromhex("802e010002001500000010") + b"\x05" * 40,
    "garbage": bytes(range(128, 256)) * 40,
    "half-a-hello": HELLO,
    "a-hello-that-lies": bytes.fromhex("160301000a0100000601010101"),
    "an-alert": bytes.fromhex("15030300020228"),
}


@pytest.mark.parametrize("data", NO_CLIENTS.values(), ids=NO_CLIENTS)
@pytest.mark.asyncio
async def test_what_is_no_tls_client_is_counted_and_judged_as_nothing(listening: Listening, data: bytes) -> None:
    told = await listening.connects(says, listening.at("expired"), data)
    assert told.received == len(data)
    client = listening.ledger.clients[ADDRESS]
    assert client.tallies == {}
    assert client.not_judged.total() == 1


@pytest.mark.asyncio
async def test_who_leaves_before_the_certificate_came_has_not_refused_it(listening: Listening, pki: Pki) -> None:
    await listening.connects(speaks, listening.at("good"), verifying(pki.root_pem), HOST)
    outgoing = ssl.MemoryBIO()
    tls = careless().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()

    def hello_and_gone() -> None:
        with socket.create_connection(listening.at("expired"), timeout=ENDS_S) as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            plain.sendall(outgoing.read())

    before = len(listening.told)
    # Not in a thread of its own: it is gone before the server has had its turn.
    hello_and_gone()
    await listening.until(lambda: len(listening.told) > before)
    told = listening.told[-1]
    assert told.hello is None or not told.shown
    assert listening.rulings().get("expired", INCONCLUSIVE) is INCONCLUSIVE


@pytest.mark.parametrize("data", [b"", HELLO])
@pytest.mark.asyncio
async def test_who_says_nothing_is_closed_when_patience_is_over(offered: tuple[Offer, ...], data: bytes) -> None:
    raised = Listening(offered[:1], patience_s=0.2)
    await raised.listener.start(0)
    told = await raised.connects(says, raised.at("good"), data, waits=True)
    assert told.ended_by is EndedBy.PATIENCE
    await raised.listener.stop()


@pytest.mark.asyncio
async def test_a_silent_client_that_is_connected_when_it_stops_is_told(listening: Listening) -> None:
    context = careless()
    # In TLS 1.3 the client would be done before the server knows it.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    reader, writer = await asyncio.open_connection(*listening.at("good"), ssl=context, server_hostname=HOST)
    await listening.listener.stop()
    (told,) = listening.told
    assert (told.ended_by, told.established is not None) == (EndedBy.STOP, True)
    assert await reader.read() == b""
    writer.close()


@pytest.mark.asyncio
async def test_more_connections_than_there_is_room_for_are_closed_and_counted(listening: Listening) -> None:
    sockets: list[socket.socket] = []

    def many() -> None:
        for _ in range(OPEN_LIMIT + 20):
            sockets.append(socket.create_connection(listening.at("good"), timeout=ENDS_S))
        for one in sockets[OPEN_LIMIT:]:
            assert one.recv(1) == b""
        for one in sockets:
            one.close()

    await asyncio.to_thread(many)
    await listening.until(lambda: len(listening.told) == OPEN_LIMIT)
    assert listening.listener.too_many == 20


# --- ports


@pytest.mark.asyncio
async def test_a_port_that_is_taken_is_named(offered: tuple[Offer, ...]) -> None:
    with socket.create_server((ADDRESS, 0)) as other:
        port = other.getsockname()[1]
        raised = Listening(offered[:1])
        with pytest.raises(AddressUnavailable, match=f"{ADDRESS} port {port} for good: another program has it"):
            await raised.listener.start(port)


@pytest.mark.asyncio
async def test_there_is_no_port_beyond_the_last(offered: tuple[Offer, ...]) -> None:
    raised = Listening(offered)
    with pytest.raises(AddressUnavailable, match=r"no port 65536 for|port 65535"):
        await raised.listener.start(65_535)


@pytest.mark.asyncio
async def test_an_address_of_another_machine_is_refused(offered: tuple[Offer, ...]) -> None:
    listener = TlsListener("192.0.2.77", offered[:1])
    with pytest.raises(AddressUnavailable, match="this machine has no such address"):
        await listener.start(0)


# --- all on one port


@pytest.mark.asyncio
async def test_one_port_shows_everything_in_turn_with_good_between(offered: tuple[Offer, ...], pki: Pki) -> None:
    names = ("good", "expired", "rsa-3072", "tls-1.0")
    raised = Listening([one for one in offered if one.name in names])
    await raised.listener.start_on_one_port(0)
    for _ in range(6):
        await raised.connects(speaks, raised.at("good"), verifying(pki.root_pem), HOST)
    shown = [told.offer.name for told in raised.told]
    assert shown == ["good", "expired", "good", "rsa-3072", "good", "tls-1.0"]
    assert raised.rulings() == dict.fromkeys(names, PASS)
    await raised.listener.stop()


def test_the_cycle_is_each_clients_own_and_begins_again(offered: tuple[Offer, ...]) -> None:
    good, expired = (next(one for one in offered if one.name == name) for name in ("good", "expired"))
    cycle = Cycle([good, expired])
    assert [cycle.next("a") for _ in range(3)] == [good, expired, good]
    assert cycle.next("b") is good
    assert Cycle([good]).next("a") is good


def test_what_was_not_looked_at_comes_again(offered: tuple[Offer, ...]) -> None:
    good, expired = (next(one for one in offered if one.name == name) for name in ("good", "expired"))
    cycle = Cycle([good, expired])
    cycle.again("a", cycle.next("a"))
    assert [cycle.next("a") for _ in range(2)] == [good, expired]


def test_places_in_the_cycle_are_bounded(offered: tuple[Offer, ...]) -> None:
    cycle = Cycle(offered[:2])
    for number in range(3000):
        cycle.next(str(number))
    assert len(cycle._turns) <= 1000
