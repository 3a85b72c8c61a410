"""What one client answered in a root probe that it walks through in its own order, and what that says so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from certsuite.checks.root_probe import ModeAnswers, Reading, RootReading, read_root
from certsuite.tls.probe_chains import Mode, Role
from certsuite.tls.probe_server import Answer

_KEPT = 8
"Answers of one kind of chain that are kept; another one than those before is kept beyond it, up to twice as many."


class ProbeAnswers:
    """The answers of one client about one root. Bounded in what it keeps, whatever the client does."""

    def __init__(self, root: str, modes: Sequence[Mode]) -> None:
        """``root`` is what its authority calls it."""
        self._root = root
        self._answers: dict[Mode, dict[Role, list[Answer]]] = {mode: {role: [] for role in Role} for mode in modes}
        self._told: tuple[str, tuple[Reading, ...]] | None = None

    def take(self, mode: Mode, role: Role, answer: Answer) -> RootReading | None:
        """Keep an answer. Gives what all of them say, once each role of the mode was answered and whenever that says
        something else than before; data under a root that nobody knows is told at once."""
        answers = self._answers[mode]
        kept = answers[role]
        if len(kept) < _KEPT or (answer not in kept and len(kept) < 2 * _KEPT):
            kept.append(answer)
        reading = self.reading
        if not (all(answers.values()) or reading.accepts_unknown_root):
            return None
        says = (reading.summary, tuple(one.reading for one in reading.modes))
        if says == self._told:
            return None
        self._told = says
        return reading

    @property
    def reading(self) -> RootReading:
        """What all answers say."""
        return read_root(self._root, [self._of(mode) for mode in self._answers])

    @property
    def by_mode(self) -> Mapping[Mode, Mapping[Role, Sequence[Answer]]]:
        """The answers in the order in which they came."""
        return self._answers

    def times(self, mode: Mode) -> int:
        """How often each role was answered at least: the answers of a mode that was asked once cannot differ."""
        return min(len(answers) for answers in self._answers[mode].values())

    def _of(self, mode: Mode) -> ModeAnswers:
        answers = self._answers[mode]
        lacking = ", ".join(role for role in Role if not answers[role])
        return ModeAnswers(
            mode,
            *(tuple(answers[role]) for role in (Role.UNKNOWN, Role.TRUSTED, Role.PROBED)),
            missing=f"not answered: {lacking}" if lacking else "",
        )
