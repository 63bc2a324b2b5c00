"""Backends take turns: stretch by stretch, each by one thread at a time, and all to their end."""

import threading
import time

import pytest

from verify.turns import GROUP, Turns


def examination(log, name, stretches, seconds=0.0):
    for stretch in stretches:
        log.append((name, stretch))
        time.sleep(seconds)
        yield stretch + 1


def take_all(turns, threads):
    running = [threading.Thread(target=turns.take, daemon=True) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(20.0)
        assert not thread.is_alive()


def test_all_of_a_group_go_through_a_stretch_before_any_goes_on():
    log = []
    take_all(Turns(examination(log, name, range(3)) for name in "abc"), threads=1)
    assert log == [(name, stretch) for stretch in range(3) for name in "abc"]


def test_a_later_group_begins_when_the_first_is_through():
    log = []
    names = range(GROUP + 2)
    take_all(Turns(examination(log, name, range(2)) for name in names), threads=1)
    first = [name for name, _ in log[: 2 * GROUP]]
    assert set(first) == set(range(GROUP))
    assert len(log) == 2 * len(names)


def test_a_slow_one_holds_nobody_up_and_is_never_two_threads_at_once():
    log = []
    slow = examination(log, "slow", range(3), seconds=0.1)
    # A generator that two threads enter raises ValueError.
    take_all(Turns([slow, *(examination(log, name, range(3)) for name in "abcd")]), threads=4)
    assert sorted(log) == sorted(
        (name, stretch) for name in ["slow", *"abcd"] for stretch in range(3)
    )
    assert log[-1] == ("slow", 2)


def test_an_error_of_one_reaches_the_caller_and_the_end_lets_the_others_go():
    def failing():
        yield 1
        raise OSError("disk full")

    turns = Turns([failing()])
    other = threading.Thread(target=turns.take, daemon=True)
    with pytest.raises(OSError, match="disk full"):
        turns.take()
    other.start()
    turns.end()
    other.join(20.0)
    assert not other.is_alive()


def test_an_end_during_a_turn_lets_its_thread_and_those_that_wait_go():
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(20.0)
        return
        yield 1

    turns = Turns([slow()])
    threads = [threading.Thread(target=turns.take, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert begun.wait(20.0)
    turns.end()
    go_on.set()
    for thread in threads:
        thread.join(5.0)
        assert not thread.is_alive()
