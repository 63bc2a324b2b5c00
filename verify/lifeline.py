"""A child process that ends with its parent, however the parent ended.

A pool's process that waits for work does not notice a parent that was killed: the other processes
of the pool hold the pipe open. So each looks now and then whose child it is.
"""

from __future__ import annotations

import os
import signal
import threading
import time

_GLANCE = 1.0


def hold(parent: int) -> None:
    """Watch the process `parent` from a thread of this one, and leave when it is gone.

    The number comes from the parent itself: it may be gone before this process asks for it.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_GLANCE)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with whatever it started itself
    os._exit(1)
