"""A far end's media, for tests."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass

import pylibsrtp

PATIENCE_S = 20.0
"How long a test waits for something that must come."


@dataclass(frozen=True)
class RtpSeen:
    """An RTP packet from the device."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    payload: bytes
    secure: bool


class Party(asyncio.DatagramProtocol):
    """A far end's media: SRTP by libsrtp."""

    def __init__(self) -> None:
        self.key = secrets.token_bytes(30)
        self.seen: list[RtpSeen] = []
        self.undecryptable = 0
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._changed = asyncio.Event()
        self._remote: tuple[str, int] = ("", 0)
        self._sequence = 65_530
        self._sends = self._session(self.key, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._receives: pylibsrtp.Session | None = None
        self._early: list[bytes] | None = []
        "What came before the device's description was read; ``None`` once it was."

    @staticmethod
    def _session(key: bytes, direction: int) -> pylibsrtp.Session:
        profile = pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80
        return pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile))

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def sdp(self, *, formats: str = "99 9 8 0 18 101 108", profile: str = "RTP/SAVP", direction: str = "") -> bytes:
        """A description as the SSE sends it."""
        key = base64.b64encode(self.key).decode()
        lines = [
            "v=0",
            "o=Agent 1 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            f"m=audio {self.port} {profile} {formats}",
            "a=rtpmap:99 opus/48000/2",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:18 G729/8000",
            "a=fmtp:18 annexb=no",
            "a=rtpmap:101 telephone-event/8000",
            "a=rtpmap:108 telephone-event/48000",
            "a=ptime:20",
            *([f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}"] if "SAVP" in profile else []),
            *([f"a={direction}"] if direction else []),
            f"m=video {self.port} {profile} 97",
            "a=rtpmap:97 H264/90000",
            "",
        ]
        return "\r\n".join(lines).encode()

    def listen(self, sdp: bytes) -> None:
        """Take the device's description: where it is and with what key it sends."""
        text = sdp.decode()
        port = re.search(r"m=audio (\d+)", text)
        inline = re.search(r"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:(\S+)", text)
        assert port
        self._remote = ("127.0.0.1", int(port[1]))
        if inline:
            self._receives = self._session(base64.b64decode(inline[1]), pylibsrtp.Policy.SSRC_ANY_INBOUND)
        early, self._early = self._early or [], None
        for data in early:
            self.datagram_received(data, None)

    def say(self, payloads: list[bytes], payload_type: int = 8) -> None:
        """Send frames of audio."""
        assert self._transport is not None
        for payload in payloads:
            # It begins shortly before the sequence number rolls over.
            sequence = self._sequence & 0xFFFF
            packet = struct.pack("!BBHII", 0x80, payload_type, sequence, self._sequence * 160, 7) + payload
            self._sequence += 1
            self._transport.sendto(self._sends.protect(packet), self._remote)

    async def hears(self, predicate: Callable[[RtpSeen], bool], *, after: int = 0) -> RtpSeen:
        """The first packet from the device, after so many, that the predicate is true of."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for seen in self.seen[after:]:
                    if predicate(seen):
                        return seen
                self._changed.clear()
                await self._changed.wait()

    async def hears_echo(self, *, payload_type: int = 8) -> None:
        """Audio that the device cannot invent comes back."""
        frames = [bytes(secrets.choice(range(1, 0x50)) for _ in range(160)) for _ in range(5)]
        before = len(self.seen)
        self.say(frames, payload_type)
        for frame in frames:
            await self.hears(lambda seen, frame=frame: seen.payload == frame, after=before)  # type: ignore[misc]

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self._early is not None:
            self._early.append(data)
            return
        secure = self._receives is not None
        try:
            packet = self._receives.unprotect(data) if self._receives else data
        except pylibsrtp.Error:
            self.undecryptable += 1
        else:
            _, second, sequence, timestamp, _ = struct.unpack_from("!BBHII", packet)
            self.seen.append(RtpSeen(second & 0x7F, bool(second & 0x80), sequence, timestamp, packet[12:], secure))
        self._changed.set()

    async def hears_something(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not (self.seen or self.undecryptable):
                self._changed.clear()
                await self._changed.wait()
