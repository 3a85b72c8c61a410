"""The root probe against real TLS libraries: its answer is right or inconclusive, never wrong.

Each library is asked with the root in its store and without, alone and among the system's roots, by a chain that is
valid (on the client's clock), by one of the IdenTrust root, and by that one long expired. What is seen is the table of
``docs/root-probe.md``.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import which

import pytest

from certsuite.checks.root_probe import ModeAnswers, RootReading, Trust, read_root
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import SYSTEM_BUNDLE, Names, Pki
from certsuite.tls.probe_chains import MODES, Mode, ProbeChains, ProbeKeys, Role, Technique, TrustedRoot
from certsuite.tls.probe_reissue import RawCertificate
from certsuite.tls.probe_roots import certificates_of_pem, known_root
from certsuite.tls.probe_server import Answer, AnswerKind
from tests.clients.tls_stacks import STACKS, Commands, Stack, probe_client

CHAINS = Path(__file__).resolve().parents[1] / "data" / "chains"
PATIENCE_S = 3.0
AT_A_TIME = 6


@dataclass(frozen=True)
class Asked:
    """One root, and the chain by which it is asked for."""

    title: str
    host: str
    chain: str
    clock: datetime | None
    "What the client takes for the time; None for the truth."
    among: tuple[bool, ...]
    "In which stores: alone, among the system's roots."

    @property
    def root(self) -> RawCertificate:
        if self.host == "identrust.com":
            return known_root("identrust").certificate
        return certificates_of_pem((CHAINS / "globalsign-root-r3.pem").read_bytes())[0]


ASKED = (
    Asked(
        "GlobalSign R3, valid chain",
        "www.python.org",
        "www.python.org-to-2027-02.pem",
        datetime(2026, 6, 1, tzinfo=UTC),
        (False, True),
    ),
    Asked(
        "IdenTrust, chain of 2017 on a clock of 2019",
        "identrust.com",
        "identrust.com-expired-2020.pem",
        datetime(2019, 6, 1, tzinfo=UTC),
        (True,),
    ),
    Asked("IdenTrust, the same chain expired", "identrust.com", "identrust.com-expired-2020.pem", None, (True,)),
)

Prepared = tuple[Asked, ProbeChains, bytes]
"What is asked, with which chains, and the lab root that clients trust."


@pytest.fixture(scope="module")
def prepared() -> Iterator[tuple[Prepared, ...]]:
    keys = ProbeKeys()
    with KeyPool() as pool:

        def made(asked: Asked) -> Prepared:
            now = asked.clock or datetime.now(UTC)
            pki = Pki.mint(now, Names(asked.host), pool)
            trusted = TrustedRoot.of(pki.lab.root, pool.key("lab root"))
            genuine = certificates_of_pem((CHAINS / asked.chain).read_bytes())
            chains = ProbeChains.make(asked.root, trusted, keys, host=asked.host, now=now, genuine=genuine)
            return asked, chains, pki.root_pem

        yield tuple(made(one) for one in ASKED)


def pem(certificate: RawCertificate) -> bytes:
    text = base64.encodebytes(certificate.der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


def cell(answer: Answer) -> str:
    """An answer as the table writes it."""
    short = {AnswerKind.KEY_EXCHANGE: "CKE", AnswerKind.NOT_OFFERED: "n/a"}
    return str(answer.alert) if answer.alert is not None else short.get(answer.kind, str(answer.kind))


def row(title: str, stack: Stack, absent: RootReading, present: RootReading, cells: list[str]) -> str:
    return " | ".join([f"| {title}", stack.name, *cells, f"{absent.trust} -> {present.trust} |"])


async def ask(
    prepared: Prepared, stack: Stack, commands: Commands, folder: Path, among: bool, gate: asyncio.Semaphore
) -> str:
    """Ask one client with and without the root in its store; gives the row of the table."""
    asked, chains, lab_root = prepared
    system = certificates_of_pem(SYSTEM_BUNDLE.read_bytes()) if among else ()
    others = lab_root + b"".join(pem(one) for one in system if one != asked.root)
    readings: list[RootReading] = []
    answers: list[list[ModeAnswers]] = []
    for present in (False, True):
        store = folder / f"{present}.pem"
        store.write_bytes(others + (pem(asked.root) if present else b""))
        place = stack.store(store, folder / f"{present}.db") if stack.store else store
        seen = await probe_client(
            chains,
            lambda ports, place=place: commands(place, asked.host, ports),  # type: ignore[misc]
            modes=chains.modes,
            clock=asked.clock,
            own_clock=stack.own_clock,
            patience_s=PATIENCE_S,
            gate=gate,
        )
        answers.append([ModeAnswers(mode, *(seen.of(mode, role) for role in Role)) for mode in chains.modes])
        readings.append(read_root("the root", answers[-1]))
    absent, present_ = readings
    assert absent.trust in (Trust.NOT_TRUSTED, Trust.INCONCLUSIVE), absent.reasoning
    assert present_.trust in (Trust.TRUSTED, Trust.INCONCLUSIVE), present_.reasoning
    cells = []
    for mode, *both in zip(MODES, *answers, strict=True):
        one, other = (cell(answered.probed[0]) for answered in both)
        assert both[0].mode == mode
        cells.append(one if one == other == "n/a" else f"{one} -> {other}")
    return row(asked.title, stack, absent, present_, cells)


@pytest.mark.asyncio
@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
async def test_the_answer_is_right_or_inconclusive(
    stack: Stack, prepared: tuple[Prepared, ...], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    missing = (*stack.missing, *(() if which("faketime") else ("faketime",)))
    if missing or not SYSTEM_BUNDLE.exists():
        pytest.skip(f"{', '.join(missing)} not there: apt-get install {stack.package} faketime ca-certificates")
    commands = stack.prepare(tmp_path)
    gate = asyncio.Semaphore(AT_A_TIME)
    jobs: list[tuple[Asked, asyncio.Task[str]]] = []
    async with asyncio.TaskGroup() as group:
        for number, one in enumerate(prepared):
            for among in one[0].among:
                folder = tmp_path / f"{number}-{among}"
                folder.mkdir()
                jobs.append((one[0], group.create_task(ask(one, stack, commands, folder, among, gate))))
    rows = dict.fromkeys(job.result() for _, job in jobs)
    page = (Path(pytestconfig.rootpath) / "docs" / "root-probe.md").read_text(encoding="utf-8")
    unprinted = [one for one in rows if one not in page.splitlines()]
    assert not unprinted, "docs/root-probe.md lacks:\n" + "\n".join(unprinted)
    # What is in the store beside the root makes no difference.
    assert len(rows) == len(ASKED), "\n".join(rows)


@pytest.mark.asyncio
async def test_a_client_whose_first_key_share_is_of_no_use(prepared: tuple[Prepared, ...], tmp_path: Path) -> None:
    """It is asked to say hello once more, and answers as any other."""
    missing = [one for one in ("openssl", "faketime") if not which(one)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not there: apt-get install {' '.join(missing)}")
    asked, chains, lab_root = prepared[0]
    roots = tmp_path / "roots.pem"
    roots.write_bytes(lab_root)
    openssl = STACKS[0].prepare(tmp_path)
    seen = await probe_client(
        chains,
        lambda ports: [[*command, "-groups", "X448:P-256"] for command in openssl(roots, asked.host, ports)],
        modes=[Mode(Technique.BAD_SIGNATURE, "TLSv1.3")],
        clock=asked.clock,
        own_clock=False,
        patience_s=PATIENCE_S,
        gate=asyncio.Semaphore(AT_A_TIME),
    )
    assert {role: [cell(one) for one in answers] for (_, role), answers in seen.answers.items()} == {
        Role.UNKNOWN: ["48"],
        Role.TRUSTED: ["51"],
        Role.PROBED: ["48"],
    }


def test_the_table_has_no_wrong_row(pytestconfig: pytest.Config) -> None:
    page = (Path(pytestconfig.rootpath) / "docs" / "root-probe.md").read_text(encoding="utf-8")
    titles = tuple(f"| {one.title} |" for one in ASKED)
    rows = [line.rsplit("|", 2)[1].strip() for line in page.splitlines() if line.startswith(titles)]
    assert len(rows) == len(ASKED) * len(STACKS)
    assert set(rows) <= {"not-trusted -> trusted", "inconclusive -> inconclusive"}
    assert rows.count("inconclusive -> inconclusive") == 2, "GnuTLS and mbedTLS, by an expired chain alone"
