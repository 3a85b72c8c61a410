"""A TLS client on the standard library: verifies chain and host name.

Arguments: CA file, host name, address, port...
"""

import contextlib
import socket
import ssl
import sys
import threading


def connect(roots: str, host: str, address: str, port: int) -> None:
    context = ssl.create_default_context(cafile=roots)
    with (
        contextlib.suppress(OSError),
        socket.create_connection((address, port)) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        tls.sendall(b"hello\n")


threads = [threading.Thread(target=connect, args=(*sys.argv[1:4], int(port))) for port in sys.argv[4:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
