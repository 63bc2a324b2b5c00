"""Records to test with."""

import pytest

from reports.records import Duel, Measurement, Outcome, Run, Status
from reports.store import open_store


@pytest.fixture
def make_outcome():
    def make(number=0, **changes):
        values = {
            "backend": "mine",
            "operation": "softmax",
            "dtype": "float32",
            "check": "accuracy",
            "case": f"softmax float32 4x{number}",
            "regime": "uniform",
            "shape": (4, 1000),
            "axis": -1,
            "n": 1000,
            "status": Status.PASS,
            "max_ulp": 1.25,
            "bound_ratio": 0.5,
            "limit_ulp": 2.5,
            "misrounded": 7,
            "count": 4000,
            "seconds": 0.001,
        }
        return Outcome(**values | changes)

    return make


@pytest.fixture
def make_measurement():
    def make(**changes):
        values = {
            "backend": "mine",
            "operation": "softmax",
            "dtype": "float32",
            "shape": (64, 1000),
            "axis": -1,
            "device": "cpu",
            "threads": 2,
            "cache": "warm",
            "rounds": 20,
            "minimum": 1e-4,
            "median": 1.2e-4,
            "mean": 1.3e-4,
            "stddev": 1e-5,
            "iqr": 2e-5,
            "first_call": 0.5,
            "bytes_moved": 512000,
            "bandwidth": 4.2e9,
            "roof_share": 0.6,
            "verified": True,
        }
        return Measurement(**values | changes)

    return make


@pytest.fixture
def run():
    return Run.start("verify", version="0.1.0", arguments={"dtype": ["float32"]})


@pytest.fixture
def store(tmp_path):
    with open_store(str(tmp_path / "store.db")) as store:
        yield store


HOSTILE = (
    "[bold]x[/]",
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m\x07",
    "two\nlines\r\n",
    "=cmd()",
    " +1|2`*_",
    "nul\0 half\ud800 mark\u202eback \ufffe\uffff",
    "]]>&amp;",
    "@someone",
)


@pytest.fixture(params=HOSTILE, ids=ascii)
def hostile(request):
    """Return a text such as only a plugin would give."""
    return request.param


@pytest.fixture
def make_duel():
    def make(**changes):
        values = {
            "backend": "mine",
            "baseline": "theirs",
            "operation": "softmax",
            "dtype": "float32",
            "shape": (64, 1000),
            "axis": -1,
            "device": "cpu",
            "threads": 2,
            "cache": "warm",
            "verdict": "slower",
            "ratio": 0.9,
            "low": 0.85,
            "high": 0.95,
            "confidence": 0.99,
            "ratios": (0.89, 0.91),
            "blocks": 20,
            "seconds": 1.1e-4,
            "baseline_seconds": 1e-4,
            "verified": True,
        }
        return Duel(**values | changes)

    return make
