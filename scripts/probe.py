#!/usr/bin/env python3
"""What the load generator does not do: small clients of the protocol, frames by hand.

    probe.py free-ports COUNT            ports that are free now, one a line
    probe.py ready HOST:PORT SECONDS     waits for an answer to REV, prints the revision
    probe.py members HOST:PORT COUNT     makes slots, waits until so many nodes are members
    probe.py walk HOST:PORT GLOB COUNT   walks by offset, prints the rate of each tenth
    probe.py waiters HOST:PORT COUNT     holds WAITs that never fire until its input ends
"""

import socket
import struct
import sys
import time

SET, REV, WAIT, WALK = 2, 5, 6, 9
MEMBERS_SECONDS = 30
WAITERS_A_CONNECTION = 10_000
NEVER = 1 << 40


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def request(tag, verb, path=None, offset=None, rev=None):
    body = b"\x08" + varint(tag) + b"\x10" + varint(verb)
    if path is not None:
        body += b"\x22" + varint(len(path)) + path.encode()
    if offset is not None:
        body += b"\x38" + varint(offset)
    if rev is not None:
        body += b"\x48" + varint(rev)
    return struct.pack(">i", len(body)) + body


def fields(body):
    """The fields of a response by number; of bytes only that they are there."""
    found, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while at < len(body):
        key = number()
        value = number()
        if key & 7 == 2:
            at += value
        found[key >> 3] = value
    return found


class Connection:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def take(self, count):
        while len(self.buffer) < count:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("closed by the server")
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def ask(self, frame):
        self.socket.sendall(frame)
        (length,) = struct.unpack(">i", self.take(4))
        return fields(self.take(length))


def free_ports(count):
    sockets = [socket.socket() for _ in range(int(count))]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
        print(each.getsockname()[1])


def ready(address, seconds):
    end = time.monotonic() + float(seconds)
    while True:
        try:
            print(Connection(address).ask(request(1, REV)).get(3, 0))
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.005)


def members(address, count):
    count, connection = int(count), Connection(address)
    for slot in range(1, count):
        answer = connection.ask(request(slot, SET, f"/ctl/cal/{slot}", rev=0))
        if 100 in answer:
            raise RuntimeError(f"error {answer[100]}: slot {slot} not made")
    end = time.monotonic() + MEMBERS_SECONDS
    while 100 in connection.ask(request(1, WALK, "/ctl/node/*/writable", count - 1)):
        if time.monotonic() > end:
            raise TimeoutError(f"no {count} members within {MEMBERS_SECONDS} s")
        time.sleep(0.05)


def walk(address, glob, count):
    count = int(count)
    connection = Connection(address)
    rev = connection.ask(request(1, REV))[3]
    rates, started = [], time.monotonic()
    for offset in range(count):
        answer = connection.ask(request(1, WALK, glob, offset, rev))
        if 100 in answer:
            raise RuntimeError(f"error {answer[100]} at offset {offset}")
        if (offset + 1) % (count // 10) == 0:
            now = time.monotonic()
            rates.append(round(count / 10 / (now - started)))
            started = now
    print(*rates)


def waiters(address, count):
    count, held = int(count), []
    for first in range(0, count, WAITERS_A_CONNECTION):
        connection = Connection(address)
        last = min(first + WAITERS_A_CONNECTION, count)
        frames = (request(n + 1, WAIT, f"/waiting/{n}", rev=NEVER) for n in range(first, last))
        connection.socket.sendall(b"".join(frames))
        # Answered once all before it are registered.
        connection.ask(request(0, REV))
        held.append(connection)
    print("held", flush=True)
    sys.stdin.read()


COMMANDS = {
    "free-ports": free_ports,
    "ready": ready,
    "members": members,
    "walk": walk,
    "waiters": waiters,
}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
