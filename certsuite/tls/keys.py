"""A pool of keys, made ahead in threads and used again within a run: making one is the slow part of a PKI."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from enum import StrEnum
from types import TracebackType

from cryptography.hazmat.primitives.asymmetric import ec, rsa

_NICENESS = 10
"Of a thread that makes what nobody waits for yet (nice(2); on Linux of the thread alone)."

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
"What a server's certificate may hold."


class KeyKind(StrEnum):
    """Keys of a server's certificate."""

    RSA_1024 = "rsa-1024"
    RSA_2048 = "rsa-2048"
    "What every TLS stack in the field takes."
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    ECDSA_P256 = "ecdsa-p256"


def _make(kind: KeyKind) -> PrivateKey:
    if kind is KeyKind.ECDSA_P256:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa-")))


def _step_aside() -> None:
    own = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, own, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, own)))


class KeyPool:
    """Gives each role of a PKI one key for the whole run. May be used from any thread.

    ``ahead`` keys of 2048 bits are begun at once, in the background; a role beyond them costs the time of one key.
    """

    def __init__(self, *, ahead: int = 6, threads: int = 2) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="key-pool")
        # Long keys take seconds of a processor just when a run begins and everything else wants it.
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="key-pool-aside", initializer=_step_aside)
        self._lock = threading.Lock()
        self._closed = False
        self._spare = deque(self._executor.submit(_make, KeyKind.RSA_2048) for _ in range(ahead))
        self._given: dict[str, Future[PrivateKey]] = {}

    def key(self, role: str) -> rsa.RSAPrivateKey:
        """The key of ``role``, the same one at each call. Blocks until it is made, so not for the bench's loop."""
        key = self._key(role, KeyKind.RSA_2048)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    def key_of(self, kind: KeyKind) -> PrivateKey:
        """The key of ``kind``, the same one at each call. Blocks until it is made: 4096 bits take up to a second."""
        return self._key(kind, kind)

    def begin(self, kinds: Iterable[KeyKind]) -> None:
        """Begin to make keys of these kinds, behind all that is waited for, so that they are there when asked for."""
        with self._lock:
            for kind in kinds:
                if kind not in self._given and not self._closed:
                    self._given[kind] = self._aside.submit(_make, kind)

    def close(self) -> None:
        """End the threads. Keys that were given out stay valid; one asked for later is made by who asks."""
        with self._lock:
            self._closed = True
            self._spare.clear()
        for executor in (self._executor, self._aside):
            executor.shutdown(wait=True, cancel_futures=True)

    def _key(self, role: str, kind: KeyKind) -> PrivateKey:
        while True:
            with self._lock:
                future = self._given.get(role)
                if future is None or future.cancelled():
                    future = self._given[role] = self._begin(kind)
            try:
                return future.result()
            except CancelledError:
                # The pool was closed while this thread waited: the next round makes the key here.
                continue

    def _begin(self, kind: KeyKind) -> Future[PrivateKey]:
        if self._closed:
            made: Future[PrivateKey] = Future()
            made.set_result(_make(kind))
            return made
        if kind is KeyKind.RSA_2048 and self._spare:
            return self._spare.popleft()
        return self._executor.submit(_make, kind)

    def __enter__(self) -> KeyPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
