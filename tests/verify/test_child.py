"""A process has the time that it was promised, whatever else the machine has to do."""

import os
import time

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
