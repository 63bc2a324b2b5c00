"""What a Dask worker makes of itself before it answers."""

import os

from backends import threads
from verify.cluster import station


def test_backends_of_a_portion_compute_on_one_thread(monkeypatch):
    plain = {name: word for name, word in os.environ.items() if name not in threads.environment(1)}
    monkeypatch.setattr(os, "environ", plain)
    station._allow_children()
    assert threads.count() == 1
    assert os.environ["NUMBA_NUM_THREADS"] == "1"


def test_who_starts_a_worker_may_give_it_more(monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ) | {threads.VARIABLE: str(threads.usable())})
    station._allow_children()
    assert threads.count() == threads.usable()
