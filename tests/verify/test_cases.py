"""Cases travel as text, and their inputs are what their regime says, in every process alike."""

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.formats import format_of, from_float64, to_float64
from verify import cases, regimes
from verify.cases import Case, CaseError
from verify.regimes import REGIMES, RegimeError, regime, rows_of

ROOT = Path(__file__).parents[2]
DTYPES = ["float64", "float32", "float16", "bfloat16"]
DRAWN = sorted(set(REGIMES) - {"values", "encoded"})

numbers = st.floats(allow_nan=False, width=64) | st.just(math.nan)


@st.composite
def any_case(draw):
    shape = tuple(draw(st.lists(st.integers(0, 9), max_size=5)))
    ndim = max(len(shape), 1)
    given_values = draw(st.booleans())
    return Case(
        operation="softmax",
        dtype=draw(st.sampled_from(DTYPES)),
        shape=shape,
        regime="values" if given_values else draw(st.sampled_from(DRAWN)),
        axis=draw(st.integers(-ndim, ndim - 1)),
        temperature=draw(st.floats(min_value=0, exclude_min=True, allow_infinity=False)),
        seed=draw(st.integers(0, 2**63)),
        values=tuple(draw(st.lists(numbers, min_size=1, max_size=4))) if given_values else (),
        variant=draw(st.sampled_from(["", "shift:16", "permute:1", "order"])),
        form=draw(st.sampled_from(["", "transposed", "out:sliced", "axis:-7", "guard:high:4"])),
    )


@settings(deadline=None)
@given(any_case())
def test_a_case_s_text_reads_back_as_the_same_case(case):
    text = str(case)
    back = cases.parse(text)
    assert str(back) == text
    assert repr(back) == repr(case)  # NaN is not equal to itself, its text is


def test_parts_may_stand_in_any_order_and_defaults_may_be_spelt_out():
    spelt = cases.parse("softmax/float32/4x3/uniform/seed=7/temperature=1/axis=-1")
    assert spelt == cases.parse("softmax/float32/4x3/uniform/axis=-1/seed=7")
    assert str(spelt) == "softmax/float32/4x3/uniform/seed=7"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("softmax/float32", "expected OPERATION/DTYPE/SHAPE/REGIME"),
        ("softmax/float32/4by3/uniform", "4by3"),
        ("softmax/float32/-4x3/uniform", "not a shape"),
        ("softmax/float32/4x3/uniform/axis=2", "axis 2 is outside"),
        ("softmax/float32/4x3/uniform/axis=-3", "axis -3 is outside"),
        ("softmax/float32/4x3/uniform/colour=red", "colour=red"),
        ("softmax/float32/4x3/uniform/seed=x", "seed=x"),
        ("softmax/float32/4x3/uniform/x=1.0", "no other regime does"),
        ("softmax/float32/3/values", "takes its row from x="),
        ("softmax/float32/99999x99999/uniform", "more than"),
    ],
)
def test_a_text_that_describes_no_input_is_refused_by_the_part_that_is_wrong(text, says):
    with pytest.raises(CaseError) as caught:
        cases.parse(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("softmux/float32/4x3/uniform", "softmax"),
        ("softmax/float23/4x3/uniform", "float32"),
        ("softmax/float32/4x3/unifrom", "uniform"),
    ],
)
def test_an_unknown_word_in_a_case_comes_with_the_nearest_valid_one(text, says):
    with pytest.raises((LookupError, ValueError)) as caught:
        cases.parse(text)
    assert says in str(caught.value)


def size_of(name):
    if name == "patterns":
        return (64, 3)
    return (6, 10)


def case_of(name, dtype="float32", seed=3):
    rows, n = size_of(name)
    return cases.parse(f"softmax/{dtype}/{rows}x{n}/{name}/seed={seed}")


def test_a_case_builds_the_same_bits_in_another_process():
    texts = [str(case_of(name, dtype)) for name in DRAWN for dtype in ("float32", "bfloat16")]
    program = (
        "import hashlib, sys\n"
        "from verify import cases\n"
        "for text in sys.argv[1:]:\n"
        "    print(hashlib.sha256(cases.parse(text).build().tobytes()).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *texts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    here = [hashlib.sha256(cases.parse(text).build().tobytes()).hexdigest() for text in texts]
    assert done.stdout.split() == here


RANDOM = sorted(set(DRAWN) - {"constant", "patterns", "digits"})


@pytest.mark.parametrize("name", RANDOM)
def test_another_seed_gives_other_rows_of_the_same_regime(name):
    assert case_of(name, seed=3).build().tobytes() != case_of(name, seed=4).build().tobytes()


def test_the_same_seed_gives_other_numbers_in_another_regime():
    # Random draws behind the regimes must not be shared, or one lucky row is lucky everywhere.
    uniform = case_of("uniform").build()
    ranks = {
        name: np.argsort(case_of(name).build(), axis=1).tobytes()
        for name in ("uniform", "normal", "wide_gap", "subnormal_input", "grid")
    }
    assert len(set(ranks.values())) == len(ranks)
    assert uniform.tobytes() != case_of("normal").build().tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DRAWN)
def test_every_regime_generates_what_it_promises_over_many_seeds_and_lengths(name, dtype):
    least = max(regime(name).least, 2)
    for seed in range(8):
        for n in (3,) if name == "patterns" else (least, least + 1, 10):
            rows = 64 if name == "patterns" else 6
            case = cases.parse(f"softmax/{dtype}/{rows}x{n}/{name}/seed={seed}")
            assert case.build().shape == (rows, n)


WRONG = {
    "uniform": lambda r: with_value(r, np.inf),
    "normal": lambda r: with_value(r, np.nan),
    "wide_gap": lambda r: r * 0.0,
    "offset": lambda r: r * 0.0,
    "constant": lambda r: with_value(r, 7.0),
    "ties": lambda r: r + np.arange(r.size).reshape(r.shape),
    "ascending": lambda r: r[:, ::-1],
    "descending": lambda r: r[:, ::-1],
    "subnormal_input": lambda r: with_value(r, 1.0),
    "subnormal_output": lambda r: r * 0.01,
    "masked": lambda r: np.where(np.isneginf(r), 0.0, r),
    "window": lambda r: np.full_like(r, -np.inf),
    "causal": lambda r: with_value(r, np.nan),
    "peak": lambda r: r * 0.1,
    "extreme": lambda r: r / 16.0,
    "tower": lambda r: r * 0.1,
    "islands": lambda r: np.where(np.isneginf(r), 0.0, r),
    "apart": lambda r: r / 2.0,
    "spikes": lambda r: r - 5.0,
    "scales": lambda r: r - np.arange(r.shape[1]),
    "binades": lambda r: r / 2.0,
    "grid": lambda r: r + 0.1,
    "finite_mask": lambda r: r * 0.0,
    "patterns": lambda r: r[:-1],
    "masked_rows": lambda r: np.roll(r, 1, axis=0),
    "one_nan": lambda r: np.nan_to_num(r),
    "one_inf": lambda r: np.full_like(r, np.inf),
    "digits": lambda r: with_value(r, -np.inf),
    "digits_training": lambda r: with_value(r, np.nan),
    "digits_growing": lambda r: with_value(r, np.inf),
}


def with_value(rows, value):
    changed = rows.copy()
    changed[-1, -1] = value
    return changed


@pytest.mark.parametrize("name", DRAWN)
def test_a_regime_rejects_an_input_that_is_not_of_it(name):
    fmt = format_of("float32")
    rows = to_float64(rows_of(case_of(name).build(), -1))
    assert regime(name).holds(rows, fmt)
    assert not regime(name).holds(WRONG[name](rows), fmt)


def test_an_input_that_is_not_of_its_regime_stops_the_suite(monkeypatch):
    liar = regimes.Regime("liar", "says masked", regimes._uniform, regimes._some_masked)
    monkeypatch.setattr(regimes, "REGIMES", {**REGIMES, "liar": liar})
    with pytest.raises(RegimeError, match="liar"):
        Case(operation="softmax", dtype="float32", shape=(2, 3), regime="liar").build()


@pytest.mark.parametrize("name", [n for n in DRAWN if REGIMES[n].least > 1])
def test_a_row_too_short_for_its_regime_is_refused(name):
    with pytest.raises(RegimeError, match="at least"):
        cases.parse(f"softmax/float32/2x1/{name}").build()


@pytest.mark.parametrize(("shape", "axis"), [((4, 3, 6), 1), ((5, 7), 0), ((2, 3, 4, 5), -4)])
def test_rows_lie_along_the_axis_and_come_back_from_it(shape, axis):
    text = f"softmax/float32/{'x'.join(map(str, shape))}/uniform/axis={axis}"
    case = cases.parse(text)
    x = case.build()
    assert (x.shape, x.flags["C_CONTIGUOUS"]) == (shape, True)
    rows = rows_of(x, axis)
    assert rows.shape == (case.rows, case.n)
    assert (rows[0] == np.moveaxis(x, axis, -1)[(0,) * (len(shape) - 1)]).all()
    flat = cases.parse(f"softmax/float32/{case.rows}x{case.n}/uniform")
    assert (rows == flat.build()).all(), "the same rows whatever the axis"


@pytest.mark.parametrize("dtype", DTYPES)
def test_offsets_reach_as_far_as_the_format_does(dtype):
    offsets = regimes.offsets_of(format_of(dtype))
    assert {-offset for offset in offsets} == set(offsets)
    largest = {"float16": 1e4}.get(dtype, 1e36)
    assert max(offsets) == largest
    rows = rows_of(cases.parse(f"softmax/{dtype}/{len(offsets)}x33/offset").build(), -1)
    seen = to_float64(rows)
    assert np.isfinite(seen).all()
    assert seen.max() >= largest * 0.9
    assert seen.min() <= -largest * 0.9


def test_values_are_rounded_to_the_dtype_and_repeated_to_fill_the_shape():
    x = cases.parse("softmax/float16/2x3/values/x=1.6,3.1,0.5").build()
    assert x.dtype == np.float16
    assert (
        x.tolist() == [from_float64(format_of("float16"), np.array([1.6, 3.1, 0.5])).tolist()] * 2
    )
