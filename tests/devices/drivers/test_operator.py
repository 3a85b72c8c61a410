"""The operator driver at a terminal of the test's own: a person who answers, refuses, is away, and interrupts."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from certsuite.core import events
from certsuite.core.errors import ActionFailed, UsageError
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.places import PROFILES
from certsuite.devices.driver import Driver
from certsuite.devices.drivers.operator import OperatorDriver
from certsuite.devices.profile import load_profile
from certsuite.devices.settings import DeviceSettings


class Person:
    """Types at the other end of the driver's terminal, and reads what is asked."""

    def __init__(self, folder: Path, settings: DeviceSettings, patience_s: float = 20.0) -> None:
        self._master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.journal = Journal(SystemClock())
        profile = load_profile("yealink-t46u", PROFILES)
        claims = profile.capabilities.model_copy(update={"hold": True, "attended_transfer": False})
        self.driver = OperatorDriver(
            profile.model_copy(update={"capabilities": claims}),
            settings,
            self.journal,
            config_dir=folder / "config",
            log=folder / "log",
            control_port=1,
            terminal=(self.slave, self.slave),
            patience_s=patience_s,
        )
        self.said = ""

    def types(self, text: str) -> None:
        os.write(self._master, text.encode())

    async def answers(self, text: str) -> None:
        """Wait for a question, and type."""
        loop, asked = asyncio.get_running_loop(), asyncio.Event()

        def read() -> None:
            self.said += os.read(self._master, 4096).decode()
            if self.said.endswith(": "):
                asked.set()

        loop.add_reader(self._master, read)
        try:
            await asyncio.wait_for(asked.wait(), 20)
        finally:
            loop.remove_reader(self._master)
        self.said += " "
        self.types(text)

    async def hangs_up(self) -> None:
        """The terminal goes."""
        os.close(self._master)
        self._master = os.dup(self.slave)

    async def does(self, action: str, answer: str = "\n", **arguments: str | int) -> None:
        """The driver asks for an action, and is answered."""
        await asyncio.gather(self.driver.do(action, **arguments), self.answers(answer))

    def events(self) -> list[events.Event]:
        return [seen.event for seen in self.journal.since(0)]

    def close(self) -> None:
        for end in (self._master, self.slave):
            os.close(end)


@pytest.fixture
def person(tmp_path: Path, settings: DeviceSettings) -> Iterator[Person]:
    made = Person(tmp_path, replace(settings, device_address="127.9.8.7"))
    yield made
    made.close()


def as_driver(driver: OperatorDriver) -> Driver:
    """For the type checker: an OperatorDriver is a Driver."""
    return driver


@pytest.mark.asyncio
async def test_a_person_is_asked_for_each_action(person: Person) -> None:
    driver = as_driver(person.driver)
    assert (driver.running, driver.pids(), driver.address) == (False, set(), "127.9.8.7")
    await person.does("start")
    assert driver.running
    await person.does("dial", uri="sip:2000@lab.invalid", line=2)
    await person.does("dtmf", "done\n", digits="1#")
    await person.does("stop")
    assert not driver.running
    for asked in (
        "/config to the device, whose address is 127.9.8.7",
        "Dial sip:2000@lab.invalid on line 2",
        "Press 1#",
    ):
        assert asked in person.said
    kinds = [event.kind for event in person.events()]
    assert kinds == ["device-started", *["driver-action"] * 3, "device-exited", "driver-action"]
    await driver.stop()
    assert len(person.events()) == len(kinds), "one that is off is not asked for"


@pytest.mark.asyncio
async def test_one_who_cannot_says_so(person: Person) -> None:
    with pytest.raises(ActionFailed, match="says that it cannot be done: Answer the call"):
        await person.does("answer", "n\n")
    (told,) = person.events()
    assert isinstance(told, events.DriverAction)
    assert (told.ok, told.problem.startswith("the person")) == (False, True)


@pytest.mark.asyncio
async def test_what_was_typed_before_the_question_is_no_answer(person: Person) -> None:
    person.types("n\nn\n")
    await person.does("answer")
    assert [event.kind for event in person.events()] == ["driver-action"]


@pytest.mark.asyncio
async def test_nobody_is_waited_for_longer_than_the_patience(tmp_path: Path, settings: DeviceSettings) -> None:
    person = Person(tmp_path, settings, patience_s=0.05)
    with pytest.raises(ActionFailed, match=r"nobody said within 0\.05 s"):
        await person.driver.do("answer")
    person.close()


@pytest.mark.asyncio
async def test_a_terminal_that_is_closed_is_told(person: Person) -> None:
    with pytest.raises(ActionFailed, match="the terminal was closed"):
        await asyncio.gather(person.driver.do("answer"), person.hangs_up())


@pytest.mark.asyncio
async def test_after_an_interruption_nothing_more_is_asked(person: Person) -> None:
    await person.does("start")
    action = asyncio.get_running_loop().create_task(person.driver.do("answer"))
    await asyncio.sleep(0)
    action.cancel()
    with pytest.raises(asyncio.CancelledError):
        await action
    await asyncio.wait_for(person.driver.stop(), 5)
    assert not person.driver.running
    last = person.events()[-1]
    assert isinstance(last, events.DeviceExited)
    assert last.asked


@pytest.mark.asyncio
async def test_one_who_does_not_answer_at_the_end_does_not_hold_it_up(tmp_path: Path, settings: DeviceSettings) -> None:
    person = Person(tmp_path, settings)
    await person.does("start")
    person.driver._patience_s = 0.05
    await person.driver.stop()
    assert not person.driver.running
    person.close()


def test_what_a_person_can_do(person: Person) -> None:
    can = {
        action
        for action in ("start", "dial", "hold", "attended_transfer", "resync", "dnd")
        if person.driver.can(action)
    }
    assert can == {"start", "dial", "hold", "dnd"}


def test_without_a_terminal_there_is_nobody_to_ask(person: Person) -> None:
    person.driver.check()
    reading, writing = os.pipe()
    person.driver._terminal = (reading, writing)
    with pytest.raises(UsageError, match="standard input is no terminal to ask at: start certsuite in a terminal"):
        person.driver.check()
    os.close(reading)
    os.close(writing)
