"""Codecs as 20 ms frames of int16 samples, mono.

G.711 is computed with tables (ITU-T G.711); G.722 and opus are FFmpeg's and libopus'. G.729 is FFmpeg's to decode;
what is sent in it is recorded: ``media.g729``.
"""

from __future__ import annotations

from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
FRAME_MS = 20


class CodecError(Exception):
    """A codec is not there, or bytes are no frame of it."""


class Encoder(Protocol):
    """Encodes frames of one stream, one after the other."""

    rate: int
    "Sampling rate of what it takes, in hertz."
    frame_samples: int
    "Samples of a frame."
    frames_at_once: int
    "How many frames may be encoded together: one, if each depends on what was before it."

    def encode(self, samples: Samples) -> bytes:
        """The payload for one frame."""


class Decoder(Protocol):
    """Decodes payloads of one stream, one after the other."""

    rate: int
    "Sampling rate of what it gives, in hertz."

    def decode(self, payload: bytes) -> Samples:
        """The samples of one payload. Raises :class:`CodecError` when it is none."""


def _expand_ulaw() -> Samples:
    code = ~np.arange(256, dtype=np.uint8)
    magnitude = (((code & 0x0F).astype(np.int32) << 3) + 0x84) << ((code & 0x70) >> 4)
    return np.where(code & 0x80, 0x84 - magnitude, magnitude - 0x84).astype(np.int16)


def _expand_alaw() -> Samples:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = ((code & 0x70) >> 4).astype(np.int32)
    mantissa = ((code & 0x0F).astype(np.int32) << 4) + 8
    magnitude = np.where(exponent == 0, mantissa, (mantissa + 0x100) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _compress_ulaw() -> NDArray[np.uint8]:
    """Codes of all int16 values, indexed by the value taken as unsigned."""
    value = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.minimum(np.abs(value), 32635) + 0x84
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    code = np.where(value < 0, 0x80, 0) | (exponent << 4) | mantissa
    return np.asarray(code ^ 0xFF, dtype=np.uint8)


def _compress_alaw() -> NDArray[np.uint8]:
    """Codes of all int16 values, indexed by the value taken as unsigned."""
    value = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    # ITU-T G.711 numbers negative values from -1 on: -1 has the magnitude 0.
    magnitude = np.where(value < 0, -value - 1, value) >> 4
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 3, 0)
    mantissa = (magnitude >> np.maximum(exponent - 1, 0)) & 0x0F
    code = np.where(value < 0, 0, 0x80) | (exponent << 4) | mantissa
    return np.asarray(code ^ 0x55, dtype=np.uint8)


class G711Encoder:
    """PCMU or PCMA."""

    rate = 8000
    frame_samples = 160
    frames_at_once = 25

    def __init__(self, table: NDArray[np.uint8]) -> None:
        self._table = table

    def encode(self, samples: Samples) -> bytes:
        return self._table[samples.view(np.uint16)].tobytes()


class G711Decoder:
    """PCMU or PCMA."""

    rate = 8000

    def __init__(self, table: Samples) -> None:
        self._table = table

    def decode(self, payload: bytes) -> Samples:
        return self._table[np.frombuffer(payload, dtype=np.uint8)]


class LibraryEncoder:
    """A codec of FFmpeg's libraries."""

    frames_at_once = 1

    def __init__(self, name: str, rate: int, options: dict[str, str]) -> None:
        self.rate = rate
        self.frame_samples = rate * FRAME_MS // 1000
        try:
            context = av.CodecContext.create(name, "w")
        except (av.FFmpegError, ValueError) as error:
            raise CodecError(f"this machine's FFmpeg cannot encode {name}: {error}") from error
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate = rate
        context.layout = "mono"
        context.format = av.AudioFormat("s16")
        context.options = options
        self._context = context
        self._position = 0

    def encode(self, samples: Samples) -> bytes:
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self.rate
        frame.pts = self._position
        self._position += len(samples)
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


class LibraryDecoder:
    """A codec of FFmpeg's libraries."""

    def __init__(self, name: str, rate: int) -> None:
        self.rate = rate
        try:
            context = av.CodecContext.create(name, "r")
        except (av.FFmpegError, ValueError) as error:
            raise CodecError(f"this machine's FFmpeg cannot decode {name}: {error}") from error
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate = rate
        context.layout = "mono"
        self._context = context

    def decode(self, payload: bytes) -> Samples:
        if not payload:
            # An empty packet would tell the library that the stream ends.
            raise CodecError("the payload is empty")
        try:
            frames = self._context.decode(av.Packet(payload))
        except av.FFmpegError as error:
            raise CodecError(str(error)) from error
        # Signed 16 bit, one channel: planar and packed are the same.
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames] or [np.empty(0, np.int16)])


_ULAW, _ALAW = _expand_ulaw(), _expand_alaw()
_TO_ULAW, _TO_ALAW = _compress_ulaw(), _compress_alaw()
_OPUS = {"application": "voip", "frame_duration": str(FRAME_MS)}


def encoder(name: str) -> Encoder:
    """An encoder for an SDP encoding name. Raises :class:`CodecError` when there is none."""
    match name.upper():
        case "PCMU":
            return G711Encoder(_TO_ULAW)
        case "PCMA":
            return G711Encoder(_TO_ALAW)
        case "G722":
            return LibraryEncoder("g722", 16000, {})
        case "OPUS":
            return LibraryEncoder("libopus", 48000, _OPUS)
    raise CodecError(f"{name} cannot be encoded")


def decoder(name: str) -> Decoder:
    """A decoder for an SDP encoding name. Raises :class:`CodecError` when there is none."""
    match name.upper():
        case "PCMU":
            return G711Decoder(_ULAW)
        case "PCMA":
            return G711Decoder(_ALAW)
        case "G722":
            return LibraryDecoder("g722", 16000)
        case "OPUS":
            return LibraryDecoder("libopus", 48000)
        case "G729":
            return LibraryDecoder("g729", 8000)
    raise CodecError(f"{name} cannot be decoded")


def looks_unencrypted(name: str, payload_length: int) -> bool:
    """Whether a payload of that length is a whole frame of the codec, which an SRTP payload with its tag is not.

    G.711 and G.722 are 80 bytes each 10 ms and G.729 is 10; opus has no fixed length, so for it nothing is said.
    """
    match name.upper():
        case "PCMU" | "PCMA" | "G722":
            return payload_length in (80, 160, 240, 320, 480)
        case "G729":
            return payload_length == 20
    return False
