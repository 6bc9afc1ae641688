"""Closing the door before the house: a process that is to stop takes no new connection, and serves those in its queue.

When a listening socket is closed, the kernel resets every connection that nobody has accepted yet: a webhook that was
sent is cut. So the listening sockets of each web process first stop to hear who begins to connect (a filter in the
kernel drops that one packet; the caller's kernel sends it again a second later, to the next process or to nobody), what
is in their queues is served, and then the process stops. On Linux; elsewhere nothing is done first.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from types import FrameType

Handler = Callable[[int, FrameType | None], object]

DRAINING = 0.3
"""Seconds in which the queue is served, between the door and the end: an answer takes milliseconds."""

SO_ATTACH_FILTER = 26
"""Of Linux (socket(7)); Python has no name for it."""

_NO_SYN = (
    (0x30, 0, 0, 13),  # load the flags of the TCP header
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # yes: drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # no: let it in
)
"""The filter, as classic BPF: code, jump if true, jump if false, operand."""


def closes_at_a_sign() -> None:
    """Let this web process close its door when the process that started it says so (`first_the_door`).

    Call it in the main thread before others are started: they inherit that the sign is not theirs.
    """
    if sys.platform == "linux":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        threading.Thread(target=_await_the_sign, name="door", daemon=True).start()


def first_the_door() -> None:
    """Let SIGTERM and SIGINT close the doors of the web processes first, and do then what they did so far."""
    if sys.platform == "linux":
        for name in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(name)
            if callable(before):
                signal.signal(name, partial(_stop, before))


def _close_doors() -> None:
    for name in Path("/proc/self/fd").iterdir():
        try:
            with socket.socket(fileno=os.dup(int(name.name))) as listening:
                if listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    close_door(listening)
        except OSError:  # no socket, or gone meanwhile
            continue


def close_door(listening: socket.socket) -> None:
    """Let this listening socket hear no new connection; its queue stays. Raises OSError where there are no filters."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in _NO_SYN))
    program = struct.pack("HP", len(_NO_SYN), ctypes.addressof(code))
    listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def _await_the_sign() -> None:
    signal.sigwait({signal.SIGUSR1})
    _close_doors()


def _stop(before: Handler, number: int, frame: FrameType | None) -> None:
    for process in active_children():
        if process.pid:
            os.kill(process.pid, signal.SIGUSR1)
    time.sleep(DRAINING)
    before(number, frame)
