"""A child process that ends with its parent, however the parent ended.

A pool's process that waits for work does not notice a parent that was killed: the other processes
of the pool hold the pipe open. So each looks now and then whose child it is.
"""

from __future__ import annotations

import os
import threading
import time

_GLANCE = 1.0


def hold() -> None:
    """Watch the parent from a thread of this process, and leave when it is gone."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_GLANCE)
    os._exit(1)
