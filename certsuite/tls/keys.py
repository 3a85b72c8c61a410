"""A pool of RSA keys, made ahead in threads and used again within a run: making one is the slow part of a PKI."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from cryptography.hazmat.primitives.asymmetric import rsa

KEY_BITS = 2048
"What every TLS stack in the field takes."


def _make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


class KeyPool:
    """Gives each role of a PKI one key for the whole run. May be used from any thread.

    ``ahead`` keys are begun at once, in the background; a role beyond them costs the time of one key.
    """

    def __init__(self, *, ahead: int = 5, threads: int = 2) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="key-pool")
        self._lock = threading.Lock()
        self._ready: deque[Future[rsa.RSAPrivateKey]] = deque(self._executor.submit(_make_key) for _ in range(ahead))
        self._by_role: dict[str, Future[rsa.RSAPrivateKey]] = {}

    def key(self, role: str) -> rsa.RSAPrivateKey:
        """The key of ``role``, the same one at each call. Blocks until it is made, so not for the bench's loop."""
        with self._lock:
            future = self._by_role.get(role)
            if future is None:
                future = self._ready.popleft() if self._ready else self._executor.submit(_make_key)
                self._by_role[role] = future
        return future.result()

    def close(self) -> None:
        """End the threads. Keys that were given out stay valid; keys not begun are not made."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> KeyPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
