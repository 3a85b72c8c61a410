"""RTCP of one stream of the media loop: its port, and what is recorded of what comes and goes there."""

from __future__ import annotations

import socket
from collections.abc import Callable

from certsuite.core.capture import Capture, Endpoint
from certsuite.core.events import RtcpSeen
from certsuite.core.observations import IN, OUT
from certsuite.media.reporting import Reporter
from certsuite.media.setup import StreamParts
from certsuite.media.srtp import SrtpError

Record = Callable[[RtcpSeen, str, int, int | None], None]
"Takes what was seen, its direction, when, in nanoseconds, and the frame of the capture."


class ControlTraffic:
    """Sends and takes a stream's reports, in the loop's thread."""

    def __init__(
        self, rtp: socket.socket, rtcp: socket.socket, reporter: Reporter, capture: Capture, record: Record
    ) -> None:
        self.reporter = reporter
        self._rtp = rtp
        self._rtcp = rtcp
        self._capture = capture
        self._record = record
        self._remote: Endpoint | None = None
        self._multiplexed = False

    def configure(self, parts: StreamParts, now_ns: int) -> None:
        """Report as agreed from now on."""
        self._remote = parts.agreement.remote_rtcp
        self._multiplexed = parts.agreement.multiplexed
        self.reporter.configure(parts, now_ns / 1e9)

    def poll(self, now_ns: int, utc_ns: int) -> None:
        """Send the report that is due."""
        if self._remote is not None:
            self._send(lambda: self.reporter.due(now_ns / 1e9), now_ns, utc_ns)

    def finish(self, now_ns: int, utc_ns: int) -> None:
        """Say goodbye."""
        if self._remote is not None:
            self._send(lambda: self.reporter.goodbye(now_ns / 1e9), now_ns, utc_ns, bye=True)

    def take(self, data: bytes, at_ns: int, frame: int, *, is_rtp: bool) -> None:
        """A datagram of RTCP arrived, at the port of RTP or at its own."""
        seen = self.reporter.receive(data, at_ns / 1e9, multiplexed=is_rtp)
        if seen is not None:
            self._record(seen, IN, at_ns, frame)

    def _send(self, made: Callable[[], bytes | None], now_ns: int, utc_ns: int, *, bye: bool = False) -> None:
        port = self._rtp if self._multiplexed else self._rtcp
        assert self._remote is not None
        try:
            data = made()
            if data is None:
                return
            port.sendto(data, self._remote)
        except (OSError, SrtpError):
            # A device without the port is none the worse for it, and a stream whose key is used up says so itself.
            return
        frame = self._capture.udp((port.getsockname()[:2], self._remote, data, utc_ns))
        self._record(self.reporter.sent(data, multiplexed=self._multiplexed, bye=bye), OUT, now_ns, frame)
