"""Loopback ports: which one is free, and whether a Kafka broker answers behind one."""

from __future__ import annotations

import secrets
import socket
import struct

from aiokafka.protocol.metadata import MetadataRequest_v1, MetadataResponse_v1

from raccordo.dev.state import ServiceError

# Below the range that systems hand out to outgoing connections: a client that keeps trying a port of that
# range while the broker is down can connect to itself, and then the broker cannot come back.
FIRST, LAST = 20000, 29999
ATTEMPTS = 200

_CORRELATION = 7


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Kafka's JVM does; skips TIME_WAIT
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a free loopback port.

    Raises:
        ServiceError: no free port was found.
    """
    for _ in range(ATTEMPTS):
        port = FIRST + secrets.randbelow(LAST - FIRST + 1)
        if is_free(port):
            return port
    raise ServiceError(f"No free port between {FIRST} and {LAST} on 127.0.0.1.")


def kafka_answers(port: int, *, patience: float) -> bool:
    """Tell whether a broker behind the port serves clients; wait at most `patience` seconds for an answer.

    An open port is not enough: Kafka listens before it serves, and lists itself only when it may take
    clients.
    """
    body = MetadataRequest_v1([]).encode() if port else b""
    name = b"raccordo-dev"
    head = struct.pack(
        ">hhih", MetadataRequest_v1.API_KEY, MetadataRequest_v1.API_VERSION, _CORRELATION, len(name)
    )
    request = head + name + body
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            answer = _exactly(connection, size)
    except (OSError, struct.error):
        return False
    if struct.unpack(">i", answer[:4])[0] != _CORRELATION:
        return False
    brokers = MetadataResponse_v1.decode(answer[4:]).to_object()["brokers"]
    return bool(brokers)


def _exactly(connection: socket.socket, size: int) -> bytes:
    """Read `size` bytes or fail as a broken connection."""
    parts = b""
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionResetError
        parts += part
    return parts
