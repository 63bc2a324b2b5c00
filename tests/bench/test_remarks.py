"""What is said below the table of timings."""

import re

from bench.cautions import Caution, Doubt
from bench.remarks import remarks
from reports.records import Measurement

FIELDS = {
    "backend": "mine",
    "operation": "softmax",
    "dtype": "float32",
    "shape": (64, 1000),
    "axis": -1,
    "cache": "warm",
    "verified": True,
    "device": "cpu",
    "threads": 2,
    "rounds": 12,
    "minimum": 1e-3,
    "median": 1e-3,
    "mean": 1e-3,
    "stddev": 0.0,
    "iqr": 0.0,
    "bytes_moved": 512000,
    "bandwidth": 5e8,
}


def timings(*messages):
    return [
        Measurement(**FIELDS | {"backend": f"b{index}", "message": message})
        for index, message in enumerate(messages)
    ]


def test_a_caution_about_many_timings_is_said_once_with_its_range():
    busy = [str(Doubt(Caution.BUSY, share)) for share in (0.97, 0.2, 0.6, 0.25, 0.3)]
    said = remarks(timings(*busy, ""))
    assert len(said) == 1
    assert "others used 20% to 97% of the processors" in said[0]
    assert said[0].count("wait for a quiet machine") == 1
    assert "5 of 6 timings: b0 softmax float32 64x1000" in said[0]
    assert "and 2 more" in said[0]


def test_words_of_its_own_stay_with_their_timing():
    wrong = "NOT verified: largest error 12 ulp; 3 rows"
    said = remarks(
        timings(f"{wrong}; {Doubt(Caution.FEW_ROUNDS, 5)}", str(Doubt(Caution.FEW_ROUNDS, 7)))
    )
    assert said[0] == f"b0 softmax float32 64x1000: {wrong}"
    assert said[1].startswith("only 5 to 7 rounds;")


def test_every_caution_is_found_again_in_its_words():
    for caution in Caution:
        [line] = remarks(timings(f"the roof is not known; {Doubt(caution, 0.37)}"))[1:]
        assert "(1 of 1 timings: b0" in line
        assert not re.search(r"[{}\\]", line), caution


def test_all_cautions_of_one_timing_are_separated():
    doubts = [Doubt(caution, 0.5) for caution in Caution]
    assert len(remarks(timings("; ".join(map(str, doubts))))) == len(Caution)


def test_no_words_no_remark():
    assert remarks(timings("", "")) == []
