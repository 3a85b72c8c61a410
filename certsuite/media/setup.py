"""The working parts of a stream: made from an agreement, kept over a new one as far as it is the same."""

from __future__ import annotations

from dataclasses import dataclass

from certsuite.media import codecs
from certsuite.media.g729 import RecordedEncoder
from certsuite.media.srtp import Protector, Unprotector
from certsuite.sdp.crypto import Crypto
from certsuite.sdp.offer_answer import Agreement


@dataclass(frozen=True, slots=True)
class StreamParts:
    """What an agreement needs to become media."""

    agreement: Agreement
    encoder: codecs.Encoder
    decoder: codecs.Decoder
    protector: Protector | None
    "None for plain RTP."
    unprotector: Unprotector | None


def prepare(agreement: Agreement, present: StreamParts | None = None) -> StreamParts:
    """The parts for an agreement.

    Codecs are taken over from ``present`` if the encoding is the same, SRTP contexts (with their rollover counters) if
    their keys are. Raises :class:`~certsuite.media.codecs.CodecError` and
    :class:`~certsuite.media.srtp.UnsupportedSuite` for what cannot be done.
    """
    name = agreement.codec.name
    same_codec = present is not None and present.agreement.codec.name.upper() == name.upper()
    return StreamParts(
        agreement=agreement,
        encoder=present.encoder if present is not None and same_codec else _encoder(name),
        decoder=present.decoder if present is not None and same_codec else codecs.decoder(name),
        protector=_protector(agreement.local_crypto, None if present is None else present.protector),
        unprotector=_unprotector(agreement.remote_crypto, None if present is None else present.unprotector),
    )


def _encoder(name: str) -> codecs.Encoder:
    return RecordedEncoder() if name.upper() == "G729" else codecs.encoder(name)


def _protector(crypto: Crypto | None, present: Protector | None) -> Protector | None:
    if crypto is None:
        return None
    return present if present is not None and present.crypto.same_key(crypto) else Protector(crypto)


def _unprotector(crypto: Crypto | None, present: Unprotector | None) -> Unprotector | None:
    if crypto is None:
        return None
    return present if present is not None and present.crypto.same_key(crypto) else Unprotector(crypto)
