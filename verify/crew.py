"""Processes of our own that work off one queue; one that is lost is replaced and asked again.

They run our code on our data, so that what they send is unpickled, unlike what a worker sends.
"""

from __future__ import annotations

import pickle
import queue
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from backends.errors import SoftmarkError
from verify.child import Child, Lost, serve

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    Result = TypeVar("Result")

# So often a call is tried: whoever ends a process once may have meant another one.
_ATTEMPTS = 3


class LostError(SoftmarkError):
    """Every process that was given this call died, or had not the memory for it."""


class Crew:
    """So many processes, each started when there is work for it.

    Parameters
    ----------
    size : int
    """

    def __init__(self, size: int) -> None:
        self._children = [Child(_main) for _ in range(size)]
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()
        for child in self._children:
            self._idle.put(child)
        self._threads = ThreadPoolExecutor(size)

    def submit(self, function: Callable[..., Result], *arguments: object) -> Future[Result]:
        """Call a module's function in one of the processes.

        The future raises what the function raised, and `LostError` if no process came back from it.
        """
        return self._threads.submit(self._called, pickle.dumps((function, arguments)))

    def close(self) -> None:
        """End every process; calls that wait are cancelled, those under way raise."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.close()
        self._threads.shutdown()

    def _called(self, request: bytes) -> Any:  # noqa: ANN401 - what the function returns
        child = self._idle.get()
        try:
            got = child.ask(request)
            for _ in range(_ATTEMPTS - 1):
                if not isinstance(got, Lost):
                    break
                got = child.ask(request)
        finally:
            self._idle.put(child)
        if isinstance(got, Lost):
            raise LostError(f"{got.message}, {_ATTEMPTS} times")
        returned, value = pickle.loads(got[0], buffers=got[1:])  # noqa: S301 - our own process
        if returned:
            return value
        if isinstance(value, MemoryError):
            raise LostError(f"the process had not the memory: {value}")
        raise value


def _main(connection: socket.socket) -> None:
    serve(connection, _answer)


def _answer(request: bytes) -> Sequence[Any]:
    function, arguments = pickle.loads(request)  # noqa: S301 - from the parent
    try:
        return _pickled((True, function(*arguments)))
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        return _pickled((False, error))


def _pickled(value: object) -> list[Any]:
    # Arrays go beside the pickle, without a copy on either side.
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return [head, *(buffer.raw() for buffer in buffers)]
