"""The table of lesser processors: what is divided by what, and errors that the oracle counts."""

import numpy as np
import pytest

from bench import portability
from verify.oracle import exact

WIDTH = 100


@pytest.fixture
def answers(monkeypatch):
    """Right results of a process that took a second under each setting; to be spoiled."""
    x = portability._logits((portability.JUDGED, WIDTH), "float16")
    right = exact("softmax", {"x": x}, {"axis": -1, "temperature": 1.0}).rounded
    made = {
        setting: [{"first": 9.0, "usual": 1.0, "result": right.tobytes().hex()} for _ in range(2)]
        for setting in portability.SETTINGS
    }
    monkeypatch.setattr(portability, "_asked", lambda setting, *_: made[setting].pop(0))
    return made


def cells():
    lines = portability._lines(tuple(portability.SETTINGS), [("softmax", "float16", WIDTH)])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[3]: row[4:] for row in rows}


def test_the_least_times_are_divided_by_those_of_the_machine_as_it_is(answers):
    answers["this machine"][1]["usual"] = 0.5
    answers["SSE2 alone"][0]["usual"] = 3.0
    answers["SSE2 alone"][1]["usual"] = 2.0
    found = cells()
    assert found["this machine"] == ["0.50", "1.00", "9.0"]
    assert found["SSE2 alone"] == ["0.50", "4.00", "9.0"]


def test_a_wrong_result_shows(answers):
    first = answers["without SVML"][0]
    words = np.frombuffer(bytes.fromhex(first["result"]), np.int16).copy()
    words[7] += 3
    first["result"] = words.tobytes().hex()
    assert 2.5 <= float(cells()["without SVML"][0]) <= 3.5
