"""The least that a server can do: one answer, always the same, to whatever a connection sends.

`python echo.py BYTES`: it prints the port that it listens on, answers requests of BYTES bytes on one connection
after the other, and ends with its standard input.
"""

from __future__ import annotations

import socket
import sys
import threading

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n[0.125, 0.25, 1]"


def main(size: int) -> None:
    """Answer until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=_serve, args=(listener, size), daemon=True).start()
    sys.stdin.buffer.read()


def _serve(listener: socket.socket, size: int) -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = bytearray(size)
        with connection:
            while connection.recv_into(buffer, size, socket.MSG_WAITALL) == size:
                connection.sendall(_ANSWER)


if __name__ == "__main__":
    main(int(sys.argv[1]))
