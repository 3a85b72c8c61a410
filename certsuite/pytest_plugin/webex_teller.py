"""Tells an emulator of the Webex API that the device has registered, as soon as it has.

Webex itself knows it from its own registrar. Here the bench plays that, so the emulator hears of it from the bench.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import httpx

from certsuite.core.errors import UsageError
from certsuite.core.events import BindingChanged, Note, SipMessageSeen
from certsuite.core.journal import Journal
from certsuite.core.observations import IN, Observation
from certsuite.core.redaction import printable
from certsuite.edge.webex_emulator import LAB
from certsuite.sip.message import read
from certsuite.webex.wire import base_url

_PATIENCE_S = 10.0


def emulator_url(text: str) -> str:
    """The address of an emulator on this machine. Raises :class:`UsageError` for any other, and for one with TLS."""
    if urlsplit(base_url(text)).scheme != "http":
        raise UsageError(
            f"{printable(text)}: a run tells an emulator without TLS alone, such as http://127.0.0.1:8089/v1"
        )
    return base_url(text)


class WebexTeller:
    """Listens to a journal. What it tells goes out by a thread of its own, so nothing on the bench waits for that."""

    def __init__(self, journal: Journal, emulator: str, mac: str) -> None:
        """``emulator`` is as :func:`emulator_url` gives it, ``mac`` twelve hexadecimal digits."""
        place = urlsplit(emulator)
        self._url = f"{place.scheme}://{place.netloc}{LAB}"
        self._mac = mac.upper()
        self._journal = journal
        self._agents: dict[int | None, str] = {}
        "The User-Agent of each line's last REGISTER."
        self._told = ""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="webex")
        journal.subscribe(self._seen)

    def close(self) -> None:
        """Tell what is left to tell, and no more."""
        self._thread.shutdown(wait=True)

    def _seen(self, observation: Observation) -> None:
        event = observation.event
        if isinstance(event, SipMessageSeen) and observation.direction == IN and event.raw.startswith(b"REGISTER "):
            message = read(event.raw)
            self._agents[observation.line] = message.user_agent if message else ""
        elif isinstance(event, BindingChanged) and event.granted_s > 0:
            agent = self._agents.get(observation.line, "")
            if agent != self._told:
                self._told = agent
                # What comes when it is closed is of a device that is being stopped.
                with suppress(RuntimeError):
                    self._thread.submit(self._tell, agent)

    def _tell(self, agent: str) -> None:
        try:
            with httpx.Client(timeout=_PATIENCE_S, trust_env=False) as client:
                answer = client.post(self._url, json={"mac": self._mac, "userAgent": agent})
            problem = "" if answer.status_code == httpx.codes.NO_CONTENT else f"{answer.status_code} {answer.text}"
        except httpx.HTTPError as error:
            problem = str(error)
        if problem:
            self._journal.record(Note(f"the emulator of the Webex API was not told: {printable(problem)}"))
