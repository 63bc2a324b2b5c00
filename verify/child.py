"""A child process that answers one request after the other, restarted as often as it dies.

Requests and replies are bytes on a socket of the child's own: nothing that it sends is unpickled
here, and one that dies in the middle of a reply spoils nobody else's. The parent never waits for
bytes without looking at the clock (which cannot be set) and at the process: a child may write half
a reply, leave with exit code 0, become another program or leave grandchildren that hold the socket.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import struct
import threading
import time
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from verify import lifeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.process import BaseProcess
    from types import FrameType

# How often a waiting parent looks at the process, and how long one may take to start and to end.
_GLANCE = 0.2
_START = 120.0
_END = 5.0
# What waiting for a processor may add to a time limit, in times of it.
_MOST_KEPT = 3.0
# The socket of a process that dies closes a little before the process is gone.
_CLOSING = 1.0
# What a reply may hold at most: beyond it the header is not one of ours.
_MOST_PIECES = 1 << 16
_MOST_BYTES = 1 << 31

# A request is its number and its length; a reply the number and how many pieces follow.
_HEADER = struct.Struct("<QQ")
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Lost:
    """A request without a reply: what became of the process.

    Attributes
    ----------
    kind
        ``crash`` of the process, or ``timeout``.
    message
        How it ended, in words.
    """

    kind: Literal["crash", "timeout"]
    message: str


class _Clock:
    """The time that a process has: what others kept it waiting for is not taken from it.

    On a busy machine what compiles for ten seconds would else be out of time after a minute. One
    that sleeps or computes is not kept waiting, and gets no more.
    """

    def __init__(self, seconds: float | None, pid: int | None) -> None:
        self._seconds = seconds
        self._began = time.monotonic()
        self._scheduler = Path(f"/proc/{pid}/schedstat")
        self._kept = self._kept_waiting()

    def passed(self) -> bool:
        if self._seconds is None:
            return False
        late = time.monotonic() - self._began - self._seconds
        return late > 0 and late > min(
            self._kept_waiting() - self._kept, _MOST_KEPT * self._seconds
        )

    def _kept_waiting(self) -> float:
        """Return for how long its first thread could have run and did not; 0 where nobody says."""
        try:
            return int(self._scheduler.read_text(encoding="ascii").split()[1]) * 1e-9
        except (OSError, IndexError, ValueError):
            return 0.0


class Child:
    """One process, started when it is first asked. Threads take turns.

    Parameters
    ----------
    main : callable
        A function of a module: called in the process with a socket and the arguments that follow;
        it has to end in `serve`.
    *arguments
        Plain values for it.
    """

    def __init__(self, main: Callable[..., None], *arguments: object) -> None:
        self._main = main
        self._arguments = arguments
        self._turn = threading.Lock()
        self._process: BaseProcess | None = None
        self._socket: socket.socket | None = None
        self._number = 0
        self._closed = False
        # The process that may be killed; guarded, for its number is free once it was waited for.
        self._guard = threading.Lock()
        self._pid: int | None = None

    def ask(self, request: bytes, timeout: float | None = None) -> list[bytearray] | Lost:
        """Return the pieces of the reply, or what became of the process.

        Parameters
        ----------
        request : bytes
        timeout : float, optional
            Seconds from when the process is there; None for as long as it lives. Time for which
            others kept it from a processor is added, up to three times as much.
        """
        with self._turn:
            try:
                connection = self._started()
                clock = _Clock(timeout, self._pid)
                self._send(connection, request, clock)
                return self._receive(connection, clock)
            except _TooLateError:
                return Lost("timeout", self._end(f"no answer within {timeout:g} s"))
            except _GoneError as error:
                return Lost("crash", self._end(str(error)))
            except OSError:
                return Lost("crash", self._end())
            except BaseException:  # Ctrl-C, while the caller is the main thread
                self._end("interrupted")
                raise

    def close(self) -> None:
        """End the process for good, even while another thread waits for its reply."""
        self._closed = True
        with self._guard:
            if self._pid is not None:
                _kill(self._pid, alive=True)
        with self._turn:
            self._end()

    def _started(self) -> socket.socket:
        if self._closed:
            raise _GoneError("it is not asked any more")
        if self._socket is not None:
            return self._socket
        ours, theirs = socket.socketpair()
        ours.settimeout(_GLANCE)
        self._socket = ours
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(
            target=_begin, args=(theirs, os.getpid(), self._main, self._arguments), daemon=True
        )
        with theirs, _no_interrupt():
            try:
                self._process.start()
            except OSError as error:
                raise _GoneError(f"no process could be started: {error}") from None
        with self._guard:
            self._pid = self._process.pid
        if self._closed:  # meanwhile
            raise _GoneError("it is not asked any more")
        # It says one byte when it is ready: importing is not part of anybody's time.
        try:
            self._read(ours, 1, _Clock(_START, self._pid))
        except _TooLateError:
            raise _GoneError(f"the process did not start within {_START:g} s") from None
        return ours

    def _send(self, connection: socket.socket, request: bytes, clock: _Clock) -> None:
        self._number += 1
        left = memoryview(_HEADER.pack(self._number, len(request)) + request)
        while left:
            try:
                left = left[connection.send(left) :]
            except TimeoutError:
                self._look(clock)

    def _receive(self, connection: socket.socket, clock: _Clock) -> list[bytearray]:
        number, count = _HEADER.unpack(self._read(connection, _HEADER.size, clock))
        if number != self._number or count > _MOST_PIECES:
            raise _GoneError("the process sent what is no reply")
        room = _MOST_BYTES
        pieces = []
        for _ in range(count):
            (size,) = _LENGTH.unpack(self._read(connection, _LENGTH.size, clock))
            room -= size
            if room < 0:
                raise _GoneError("the process sent what is no reply")
            pieces.append(self._read(connection, size, clock))
        return pieces

    def _read(self, connection: socket.socket, size: int, clock: _Clock) -> bytearray:
        data = bytearray(size)
        left = memoryview(data)
        while left:
            try:
                count = connection.recv_into(left)
            except TimeoutError:
                self._look(clock)
                continue
            if count == 0:
                raise _GoneError
            left = left[count:]
            # One that never stops sending is out of time as well.
            if clock.passed():
                raise _TooLateError
        return data

    def _look(self, clock: _Clock) -> None:
        if clock.passed():
            raise _TooLateError
        with self._guard:
            if self._process is not None and self._process.is_alive():
                return
            self._pid = None
        raise _GoneError

    def _end(self, known: str = "") -> str:
        """End the process and whatever it started; say how it ended, unless that is known."""
        process, connection = self._process, self._socket
        self._process = self._socket = None
        if connection is not None:
            connection.close()
        if process is None or process.pid is None:
            return known
        if not known and not self._closed:
            process.join(_CLOSING)
        exitcode = process.exitcode
        with self._guard:
            self._pid = None
            _kill(process.pid, alive=exitcode is None)
        process.join(_END)
        with contextlib.suppress(ValueError):  # not even SIGKILL ends one that waits for a disk
            process.close()
        return known or _ending(exitcode)


class _GoneError(Exception):
    """The process is gone, or what it says cannot be followed."""


class _TooLateError(Exception):
    """The time is up."""


def serve(connection: socket.socket, answer: Callable[[bytes], Sequence[Any]]) -> None:
    """Answer requests until the parent closes the socket: the child's side.

    Parameters
    ----------
    connection : socket
    answer : callable
        Takes a request and returns the pieces of the reply, bytes-like.
    """
    connection.sendall(b"\0")
    with connection.makefile("rb") as requests:
        while header := requests.read(_HEADER.size):
            number, size = _HEADER.unpack(header)
            pieces = [memoryview(piece).cast("B") for piece in answer(requests.read(size))]
            connection.sendall(_HEADER.pack(number, len(pieces)))
            for piece in pieces:
                connection.sendall(_LENGTH.pack(piece.nbytes))
                connection.sendall(piece)


def _begin(
    connection: socket.socket, parent: int, main: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    # A session of its own: Ctrl-C in the terminal is the parent's to answer, and whatever this
    # process starts can be ended together with it.
    if hasattr(os, "setsid"):
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    connection.set_inheritable(False)
    lifeline.hold(parent)
    main(connection, *arguments)


@contextlib.contextmanager
def _no_interrupt() -> Iterator[None]:
    """Keep Ctrl-C from what is done inside, and from the process that is started there.

    That one ignores it by itself later. Here it waits until the process was told what it is to do:
    one that is left before would print the traceback of an empty pipe.
    """
    with _held_back():
        if not hasattr(signal, "pthread_sigmask"):
            yield
            return
        resource_tracker.ensure_running()  # it would take the mask off again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    """Answer a Ctrl-C afterwards: any thread may receive it, but Python raises in the main one."""
    answer = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(answer):
        yield
        return
    came: list[FrameType | None] = []
    signal.signal(signal.SIGINT, lambda _, frame: came.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, answer)
    if came:
        answer(signal.SIGINT, came[0])


def _kill(pid: int, *, alive: bool) -> None:
    """End a process, if it is still there to be ended, and all that it started."""
    with contextlib.suppress(OSError, AttributeError):  # no such group yet, or no groups here
        os.killpg(pid, signal.SIGKILL)
    if alive:
        with contextlib.suppress(OSError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _ending(exitcode: int | None) -> str:
    if exitcode is None:
        return "the process closed its connection during the call"
    if exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:
            name = f"signal {-exitcode}"
        return f"the process was ended by {name}"
    return f"the process left with exit code {exitcode} during the call"
