"""Arrays as words: rows that travel inside a case."""

import base64
import zlib

import numpy as np
import pytest

from backends.formats import FORMATS, from_float64
from verify import encoded
from verify.cases import Case, CaseError, parse


@pytest.mark.parametrize("name", FORMATS)
def test_a_batch_survives_the_trip_through_words_bit_for_bit(name):
    fmt = FORMATS[name]
    rows = from_float64(fmt, np.random.default_rng(1).normal(0.0, 5.0, (3, 7)))
    rows[0, 0], rows[1, 1] = -0.0, -np.inf if fmt.has_infinity else 1.0
    case = Case(
        operation="softmax",
        dtype=name,
        shape=(3, 7),
        regime="encoded",
        bits=encoded.encode(rows),
    )
    assert parse(str(case)) == case
    assert case.build().tobytes() == rows.tobytes()


def test_rows_along_the_first_axis_stand_side_by_side():
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    case = parse(f"softmax/float32/3x2/encoded/axis=0/bits={encoded.encode(rows)}")
    assert np.array_equal(case.build(), rows.T)


def test_a_row_is_repeated_to_fill_the_shape():
    word = encoded.encode(np.float32([1, 2]))
    assert parse(f"softmax/float32/2x4/encoded/bits={word}").build().tolist() == [[1, 2, 1, 2]] * 2


@pytest.mark.parametrize(
    "word",
    [
        "rubbish!",
        "AAAA",
        encoded.encode(np.zeros(5, np.float32)),  # more than the shape holds
        encoded.encode(np.zeros(3, np.uint8)),  # no whole number of elements
        base64.urlsafe_b64encode(zlib.compress(b"")).decode(),
        base64.urlsafe_b64encode(zlib.compress(bytes(1 << 26))).decode(),  # unpacks to far more
        encoded.encode(np.float32([1.0]))[:-4],
    ],
)
def test_words_that_hold_no_such_rows_are_refused(word):
    with pytest.raises(CaseError, match="bits="):
        parse(f"softmax/float32/2x2/encoded/bits={word}")


def test_bits_belong_to_the_regime_encoded_and_to_no_other():
    word = encoded.encode(np.float32([1.0]))
    for text in ("softmax/float32/1/encoded", f"softmax/float32/1/uniform/bits={word}"):
        with pytest.raises(CaseError, match="'encoded' takes its rows"):
            parse(text)


def test_a_long_run_of_one_value_is_counted_and_a_short_one_spelled():
    case = parse("softmax/float32/4097/values/x=0.0,-1.5*4096")
    assert len(case.values) == 4097
    assert str(case) == "softmax/float32/4097/values/x=0.0,-1.5*4096"
    assert str(parse("softmax/float32/3/values/x=0.5*3")).endswith("x=0.5,0.5,0.5")
    with pytest.raises(CaseError, match="more often than"):
        parse("softmax/float32/3/values/x=0.5*1000000000")
