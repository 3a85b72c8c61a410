"""The media loop: one thread and one clock that send and receive all streams of a bench.

Streams belong to the loop's thread. Their methods may be called from any other one: they hand over what is to be
done, and return at once.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from certsuite.core.capture import Capture, Datagram, Endpoint
from certsuite.core.errors import BenchError
from certsuite.core.events import ToolError
from certsuite.core.journal import Journal
from certsuite.edge.media_sockets import ANCILLARY, age_ns_of, bind_pair, clear
from certsuite.edge.media_stream import MediaStream
from certsuite.edge.traffic_class import dscp_of_datagram
from certsuite.media.pacing import PERIOD_NS, Lateness, Schedule

_DATAGRAM_LIMIT = 4096
_STALL_NS = 10 * PERIOD_NS
"After a longer stall packets are left out rather than sent late in a burst."
_SWITCH_INTERVAL_S = 0.0001
"How long another thread may keep the interpreter while a packet is due; Python's own 5 ms is a quarter of a period."
_AT_ONCE = 32
"Sockets that are read before anything else is looked at."
_FETCH_NS = 5_000_000
"What came is fetched at least so often: a socket holds some seconds of audio."
_BACKLOG = 4
"How many things may wait to be done, for each stream, before packets that are due wait for them."
_SELECTOR_SLACK_NS = 200_000
_SELECTABLE_NS = 1_000_000 + _SELECTOR_SLACK_NS
"Shorter waits are slept: a selector counts in milliseconds."
_IDLE_S = 1.0


class MediaLoop:
    """Sends and receives for all its streams, in a thread of its own."""

    def __init__(self, journal: Journal, capture: Capture) -> None:
        self.journal = journal
        self.lateness = Lateness()
        "How late all packets left, of all streams."
        self.left_out = 0
        "Periods that were left out for all streams after stalls of the machine."
        self.capture = capture
        self._commands: deque[Callable[[], object]] = deque()
        self._later: deque[Callable[[], object]] = deque()
        "What is to be done with what came and what was sent, in its order, when no packet is due."
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(self._wake, select.EPOLLIN)
        self._ports: dict[int, tuple[MediaStream, socket.socket, bool]] = {}
        "By its number: whose port it is, and whether it is that of RTP."
        self._schedule: Schedule[MediaStream] = Schedule(time.monotonic_ns())
        self._active: set[MediaStream] = set()
        self._streams: set[MediaStream] = set()
        self._stopping = False
        self._failure: BaseException | None = None
        self._fetched_ns = time.monotonic_ns()
        self._thread = threading.Thread(target=self._run, name="media", daemon=True)
        self._switch_interval = sys.getswitchinterval()

    def start(self) -> None:
        """Begin to serve streams. Lets threads take turns faster in the whole process, until :meth:`stop`."""
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(min(_SWITCH_INTERVAL_S, self._switch_interval))
        self._thread.start()

    def stop(self) -> None:
        """Close all streams and end the thread. Raises :class:`BenchError` if the loop had failed before."""
        if self._thread.ident is not None:
            if self._failure is None:
                self.call(self._stop)
            self._thread.join()
            sys.setswitchinterval(self._switch_interval)
        else:
            self._stopping = True
        self._close_all()
        if self._wake >= 0:
            self._epoll.close()
            os.close(self._wake)
            self._wake = -1
        if self._failure is not None:
            raise BenchError(f"the media loop failed: {self._failure!r}") from self._failure

    def open(self, address: str) -> MediaStream:
        """A stream on a free pair of ports of an address. Raises :class:`AddressUnavailable` when there is none."""
        if self._wake < 0:
            raise BenchError("the media loop has stopped")
        rtp, rtcp = bind_pair(address)
        stream = MediaStream(self, rtp, rtcp)
        self.call(lambda: self._opened(stream))
        return stream

    def call(self, command: Callable[[], object]) -> None:
        """Have something done in the loop's thread, soon and in order. After :meth:`stop` nothing is done.

        Raises :class:`BenchError` if the loop failed.
        """
        if self._failure is not None:
            raise BenchError(f"the media loop failed: {self._failure!r}") from self._failure
        self._commands.append(command)
        if self._wake >= 0:
            os.eventfd_write(self._wake, 1)

    def stamp(self, at_ns: int) -> int:
        """A time of the loop's clock as one of the journal's."""
        return self.journal.clock.monotonic_ns() - (time.monotonic_ns() - at_ns)

    def utc_ns(self) -> int:
        """What the bench's clock shows, for the capture."""
        return round(self.journal.clock.utc() * 1e9)

    # --- in the loop's thread ----------------------------------------------------------------------------------------

    def activated(self, stream: MediaStream) -> None:
        """A stream was configured: its packets and windows are due from now on."""
        if stream not in self._active and stream in self._streams:
            self._active.add(stream)
            self._schedule.add(stream, time.monotonic_ns())

    def sent(self, source: Endpoint, target: Endpoint, data: bytes) -> None:
        """A packet left out of turn."""
        self.capture.udp((source, target, data, self.utc_ns()))

    def closed(self, stream: MediaStream, case: tuple[str, str] | None) -> None:
        """A stream ends."""
        if stream not in self._streams:
            return
        self._streams.remove(stream)
        self._active.discard(stream)
        self._schedule.remove(stream)
        while self._later:
            self._later.popleft()()
        for item in stream.sockets:
            self._epoll.unregister(item)
            del self._ports[item.fileno()]
        stream.finish(time.monotonic_ns(), case)

    def _opened(self, stream: MediaStream) -> None:
        self._streams.add(stream)
        for item, is_rtp in zip(stream.sockets, (True, False), strict=True):
            self._epoll.register(item, select.EPOLLIN)
            self._ports[item.fileno()] = stream, item, is_rtp

    def _stop(self) -> None:
        self._stopping = True

    def _close_all(self) -> None:
        for command in _drained(self._commands):
            command()
        for stream in tuple(self._streams):
            self.closed(stream, None)

    def _run(self) -> None:
        try:
            while True:
                for command in _drained(self._commands):
                    command()
                if self._stopping:
                    return
                self._turn()
        except BaseException as error:
            self._failure = error
            self.journal.record(ToolError(f"the media loop failed: {error!r}"))
            raise

    def _turn(self) -> None:
        """Packets that are due go first, then what can wait. Nothing that came is lost, however late the bench is: it
        is fetched in time, and once too much of it waits, packets have to wait as well."""
        now_ns = time.monotonic_ns()
        if now_ns - self._fetched_ns >= _FETCH_NS:
            self._fetch(0)
        due_ns = self._schedule.next_due()
        if due_ns is not None and due_ns <= now_ns and len(self._later) <= _BACKLOG * (len(self._active) + 1):
            self._serve()
        elif self._later:
            self._later.popleft()()
        elif due_ns is None or due_ns - now_ns >= _SELECTABLE_NS:
            remaining_ns = 1 << 62 if due_ns is None else due_ns - now_ns
            self._fetch(min(((remaining_ns - _SELECTOR_SLACK_NS) // 1_000_000 - 0.5) / 1000, _IDLE_S))
        elif not self._fetch(0):
            # What arrives meanwhile has the kernel's time of arrival.
            time.sleep(max(due_ns - time.monotonic_ns(), 0) / 1e9)

    def _fetch(self, patience_s: float) -> bool:
        """Read what has come or comes within ``patience_s``; false if nothing did."""
        ready = self._epoll.poll(patience_s, _AT_ONCE)
        self._fetched_ns = time.monotonic_ns()
        self._read(ready)
        return bool(ready)

    def _read(self, ready: list[tuple[int, int]]) -> None:
        """Take a datagram from each socket that has one, and put them into the capture; the streams get them later."""
        came = []
        for number, _ in ready:
            if number == self._wake:
                clear(self._wake)
                continue
            stream, source, is_rtp = self._ports[number]
            try:
                data, ancillary, _, sender = source.recvmsg(_DATAGRAM_LIMIT, ANCILLARY)
            except OSError:
                # An ICMP error for something sent before, or a datagram that was dropped for its checksum.
                continue
            came.append((stream, data, (sender[0], sender[1]), age_ns_of(ancillary), is_rtp))
            if is_rtp and not stream.dscp_told and (dscp := dscp_of_datagram(ancillary)) is not None:
                stream.tell(dscp)
        if not came:
            return
        utc_ns, now_ns = self.utc_ns(), time.monotonic_ns()
        frame = self.capture.udp(
            *(
                (remote, (stream.address, stream.port if is_rtp else stream.port + 1), data, utc_ns - age_ns)
                for stream, data, remote, age_ns, is_rtp in came
            )
        )
        for stream, data, remote, age_ns, is_rtp in came:
            self._later.append(partial(stream.take, data, remote, now_ns - age_ns, frame, is_rtp=is_rtp))
            frame += 1

    def _serve(self) -> None:
        """Send the packets that are due now. To close windows can wait."""
        now_ns = time.monotonic_ns()
        self.left_out += self._schedule.skip_missed(now_ns, _STALL_NS)
        due_ns = self._schedule.next_due()
        if due_ns is None or due_ns > now_ns:
            return
        sent: list[Datagram] = []
        for stream in self._schedule.take():
            sent += stream.send_due(due_ns)
            self._later.append(partial(stream.poll, due_ns))
        if sent:
            self.capture.udp(*sent)


def _drained(commands: deque[Callable[[], object]]) -> list[Callable[[], object]]:
    """The commands that wait; those that they add wait for the next turn."""
    return [commands.popleft() for _ in range(len(commands))]
