"""A process has the time that it was promised, and is started as a whole or ended as a whole."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from verify.child import _Clock


def kept_waiting(monkeypatch, seconds):
    """Let the system say that the process was kept waiting for this long since it was asked."""
    monkeypatch.setattr(_Clock, "_kept_waiting", lambda _: seconds.pop(0))


def test_time_for_which_others_had_the_processor_is_added(monkeypatch):
    kept_waiting(monkeypatch, [5.0, 5.15, 5.15])
    clock = _Clock(0.05, os.getpid())
    time.sleep(0.1)
    assert not clock.passed()
    time.sleep(0.15)
    assert clock.passed()


def test_no_more_than_three_times_as_much_is_added(monkeypatch):
    kept_waiting(monkeypatch, [0.0, 1000.0])
    clock = _Clock(0.02, os.getpid())
    time.sleep(0.1)
    assert clock.passed()


def test_one_that_sleeps_is_given_no_more():
    clock = _Clock(0.05, None)
    time.sleep(0.06)
    assert clock.passed()


def test_no_limit_never_passes():
    assert not _Clock(None, os.getpid()).passed()


# The system gives a Ctrl-C to any thread that does not block it, of NumPy's for one; Python then
# raises in the main thread, here just before the new process is told what it is to do.
INTERRUPTED = """
    import multiprocessing.util, signal, threading, time
    from verify.child import Child, serve

    def main(connection):
        serve(connection, lambda request: [request])

    if __name__ == "__main__":
        other = threading.Thread(target=time.sleep, args=(60,), daemon=True)
        other.start()
        spawn = multiprocessing.util.spawnv_passfds

        def interrupted(*arguments):
            pid = spawn(*arguments)
            if b"spawn_main" in b" ".join(map(_bytes, arguments[1])):
                signal.pthread_kill(other.ident, signal.SIGINT)
                time.sleep(1)  # whoever would raise does so here
            return pid

        def _bytes(word):
            return word if isinstance(word, bytes) else word.encode()

        multiprocessing.util.spawnv_passfds = interrupted
        try:
            Child(main).ask(b"")
        except KeyboardInterrupt:
            print("interrupted")
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


def test_ctrl_c_while_a_process_starts_waits_until_it_has_and_is_not_lost(tmp_path):
    script = tmp_path / "interrupted.py"
    script.write_text(textwrap.dedent(INTERRUPTED), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["interrupted", "True"]
    assert done.stderr == ""
