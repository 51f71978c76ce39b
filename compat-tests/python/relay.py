"""Passes Ethernet frames between two devices, losing some each way and delaying those of the first.

relay.py NODE BRIDGE LOSS_PERCENT DELAY_MS: what a kernel without netem cannot do by itself. Says a
line once it would pass a frame.
"""

import heapq
import random
import select
import socket
import sys
import time

SOL_PACKET = 263
PACKET_VNET_HDR = 15  # offloaded checksums and large segments pass as they are
PACKET_IGNORE_OUTGOING = 23
ETH_P_ALL = 3
FRAME_BYTES_MAX = 1 << 17
OUTGOING = 4


def open_device(name):
    device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    device.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    device.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    device.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    device.bind((name, ETH_P_ALL))
    return device


def main():
    node, bridge = open_device(sys.argv[1]), open_device(sys.argv[2])
    loss, delay = int(sys.argv[3]) / 100, int(sys.argv[4]) / 1000
    due, number = [], 0
    print("ready", flush=True)
    while True:
        wait = max(0.0, due[0][0] - time.monotonic()) if due else None
        for device in select.select([node, bridge], [], [], wait)[0]:
            frame, address = device.recvfrom(FRAME_BYTES_MAX)
            if address[2] == OUTGOING or random.random() < loss:
                continue
            number += 1
            after, to = (delay, bridge) if device is node else (0.0, node)
            heapq.heappush(due, (time.monotonic() + after, number, to, frame))
        while due and due[0][0] <= time.monotonic():
            _, _, to, frame = heapq.heappop(due)
            try:
                to.send(frame)
            except OSError:
                pass  # lost, as frames are


if __name__ == "__main__":
    main()
