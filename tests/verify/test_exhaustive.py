"""Exhaustive checks: spaces, thresholds, the compiled judge, totals, and the way through a run."""

import dataclasses
import json
import math
import tracemalloc
from concurrent.futures import Future

import numpy as np
import pytest

from backends.claims import Claims
from backends.formats import decode, format_of, from_float64, to_float64
from backends.spec import BackendSpec, Source
from reports import open_store
from reports.records import Status
from verify import checks, histogram, planted, session, spaces, tally, thresholds, totals
from verify.answers import Answers
from verify.cases import CaseError, parse
from verify.oracle import reference
from verify.replies import Reply
from verify.suite import Selection, Suite

SPACES = [
    ("pairs", "float16", 63488**2),
    ("pairs", "bfloat16", 65280**2),
    ("beside_zero", "float32", 2 * (0x7F800000 + 1)),
    ("triples_e4m3fn", "float8_e4m3fn", 254**3),
    ("triples_e4m3fn", "float16", 254**3),
    ("triples_e5m2", "float8_e5m2", 248**3),
    ("triples_e5m2", "float16", 248**3),
]


def case_of(regime, dtype, first, end):
    space = spaces.SPACES[regime]
    rows = space.span_rows(dtype, (first, end))
    return parse(f"softmax/{dtype}/{rows}x{space.n}/{regime}/span={first}-{end}")


# --- the space is the space -------------------------------------------------------------------


@pytest.mark.parametrize(("regime", "dtype", "count"), SPACES)
def test_the_batches_make_up_the_whole_space_and_nothing_twice(regime, dtype, count):
    space = spaces.SPACES[regime]
    batches = space.batches(dtype)
    assert batches[0][0] == 0
    assert [end for _, end in batches[:-1]] == [first for first, _ in batches[1:]]
    assert all(first < end for first, end in batches)
    assert sum(space.span_rows(dtype, span) for span in batches) == count == space.rows(dtype)
    assert len(batches) < 300
    assert max(space.span_rows(dtype, span) for span in batches) < 2**24 * 1.01


@pytest.mark.parametrize(("regime", "dtype", "count"), SPACES)
def test_a_batch_holds_exactly_the_rows_of_its_span(regime, dtype, count):
    space = spaces.SPACES[regime]
    fmt = space.values or format_of(dtype)
    size = space.size(dtype)
    assert size**space.free == count
    ends = [case_of(regime, dtype, 0, 1).build(), case_of(regime, dtype, size - 1, size).build()]
    for value, rows in zip((-1.0, 1.0), ends, strict=True):
        largest = np.inf if space.infinities else fmt.max_finite
        assert set(to_float64(rows)[:, 0]) == {value * largest}
        # Rows differ in bits, and there are as many as the space says: so all of them are there.
        assert len(np.unique(rows.view(format_of(dtype).storage), axis=0)) == len(rows)
        assert np.isfinite(to_float64(rows)[:, 1:]).all()
    middle = case_of(regime, dtype, size // 2 - 2, size // 2 + 2).build()
    firsts = to_float64(middle[:: len(middle) // 4, 0])
    tiny = fmt.min_subnormal
    assert firsts.tolist() == [-tiny, 0.0, 0.0, tiny]
    assert np.signbit(firsts).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    "text",
    [
        "softmax/float16/63488x2/pairs",
        "softmax/float16/63488x2/pairs/span=5",
        "softmax/float16/63488x2/pairs/span=5-5",
        "softmax/float16/63488x2/pairs/span=63488-63489",
        "softmax/float16/63487x2/pairs/span=0-1",
        "softmax/float16/63488x2/pairs/span=0-1/temperature=2.0",
        "softmax/float16/4x2/uniform/span=0-1",
        "softmax/bfloat16/61504x3/triples_e5m2/span=a-b",
        "softmax/float8_e5m2/64516x3/triples_e4m3fn/span=0-1",
    ],
)
def test_a_span_that_fits_no_space_is_refused(text):
    with pytest.raises(CaseError):
        parse(text)


# --- thresholds -------------------------------------------------------------------------------


def exact_float64(differences):
    """Return the logistic function as integers over 2^300, rounded down."""
    rows = np.stack([differences, np.zeros_like(differences)], axis=1)
    exact = reference.softmax(rows)
    return [
        int(math.ldexp(high, 60)) * 2 ** (240 + e) + int(math.ldexp(low, 140)) * 2 ** (160 + e)
        for high, low, e in zip(
            exact.high[:, 0], exact.low[:, 0], exact.exponent[:, 0].tolist(), strict=True
        )
    ]


@pytest.mark.parametrize("dtype", thresholds.FORMATS)
def test_thresholds_lie_just_below_where_the_reference_crosses_the_midpoint(dtype):
    fmt = format_of(dtype)
    table = thresholds.table(dtype)
    one = fmt.precision - 1
    edges = {(binade << one) + step for binade in range(len(table) >> one) for step in (-1, 0, 1)}
    subnormal = {0, 1, 2, 3, (1 << one) - 2, (1 << one) - 1}
    chosen = np.random.default_rng(1).integers(0, len(table), 200).tolist()
    numbers = sorted({k for k in edges | subnormal | {*chosen, len(table) - 1} if k >= 0})
    below = exact_float64(table[numbers])
    above = exact_float64(np.nextafter(table[numbers], np.inf))
    for k, low, high in zip(numbers, below, above, strict=True):
        _, mantissa, exponent = decode(fmt, k)
        midpoint = (2 * mantissa + 1) << (300 + exponent - 1)
        assert low < midpoint < high, k
    assert (np.diff(table) > 0).all()


# --- the compiled judge -----------------------------------------------------------------------


def inputs(dtype, n, rows, seed=0):
    """Return rows near and far, equal ones and numbers of every size among them."""
    fmt, random = format_of(dtype), np.random.default_rng(seed)
    x = random.normal(0.0, random.choice([0.01, 1.0, 10.0, 60.0], (rows, 1)), (rows, n))
    powers = random.uniform(fmt.min_quantum, fmt.emax, (rows, n))
    x[::3] = np.sign(x[::3]) * 2.0 ** powers[::3]
    x[::7, :2] = x[::7, :1]
    x[::11] = x[::11, :1]
    return from_float64(fmt, x)


def perturbed(x, seed=0):
    """Return the right results, a third of them some steps away, and zeros of both signs."""
    fmt, random = format_of(x.dtype), np.random.default_rng(seed)
    bits = reference.softmax(x).rounded.view(fmt.storage).astype(np.int64)
    bits += random.choice([0, 0, 0, 0, 1, -1, 3, -7], bits.shape)
    bits = np.clip(bits, 0, fmt.max_bits + 1)
    bits[random.random(bits.shape) < 0.02] = 0
    bits[random.random(bits.shape) < 0.01] = fmt.sign_bit
    bits[random.random(bits.shape) < 0.002] = fmt.nan_bits
    return bits.astype(fmt.storage).view(x.dtype)


CLAIMS = [
    Claims(),
    Claims(algorithm="division_free"),
    Claims(algorithm="online", subnormals="flush"),
    Claims(algorithm="unshifted", accumulate="float16"),
    Claims(algorithm="two_pass", accumulate="float64"),
]


@pytest.mark.parametrize(
    ("dtype", "n"),
    [
        ("float16", 2),
        ("bfloat16", 2),
        ("float32", 2),
        ("float16", 3),
        ("float8_e4m3fn", 3),
        ("float8_e5m2", 3),
    ],
)
def test_the_compiled_judge_and_the_ordinary_limits_agree_element_by_element(dtype, n):
    x = inputs(dtype, n, 700)
    out = perturbed(x)
    for claims in CLAIMS:
        fast, slow = tally.counted(x, out, claims), tally.by_oracle(x, out, claims)
        for name in ("misrounded", "weak", "broken", "flushed", "negative", "worst"):
            assert getattr(fast, name) == pytest.approx(getattr(slow, name), rel=1e-6), name
        for name in ("ratio", "ratio_limit", "excess"):
            assert getattr(fast, name) == pytest.approx(getattr(slow, name), rel=1e-9), name
        # An error of two ulps but for 2^-60 may be on either side of a bin's edge.
        assert np.abs(np.cumsum(fast.histogram - slow.histogram)).max() <= 0.02 * fast.count
        assert fast.histogram[:5].sum() == slow.histogram[:5].sum()


def test_one_result_a_step_away_among_right_ones_is_the_only_one_counted():
    x = case_of("pairs", "float16", 31000, 31001).build()
    out = from_float64(format_of("float16"), _in_float64(x))
    assert tally.take(x, out, Claims()).misrounded == 0
    bits = out.view(np.uint16)
    at = int(np.argmax(bits[:, 1] > 0x2000))
    bits[at, 1] += 1
    found = tally.take(x, out, Claims())
    assert (found.misrounded, found.broken, found.worst_at) == (1, 1, 2 * at + 1)
    assert found.count == x.size


def _in_float64(x):
    wide = to_float64(x)
    e = np.exp(wide - wide.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_infinities_beside_zero_are_judged_by_the_rules_of_special_values():
    size = spaces.SPACES["beside_zero"].size("float32")
    for first in (0, size - 1):
        x = case_of("beside_zero", "float32", first, first + 1).build()
        right = np.array([[0.0, 1.0]] if first == 0 else [[np.nan] * 2], np.float32)
        assert tally.take(x, right, Claims()).broken == 0
        assert tally.take(x, np.full_like(x, 0.5), Claims()).broken == 2


def test_a_minus_zero_is_misrounded_though_hardly_off():
    x = np.array([[-100.0, 100.0]], np.float16)
    found = tally.counted(x, np.array([[-0.0, 1.0]], np.float16), Claims())
    assert (found.misrounded, found.broken, found.worst) == (1, 0, pytest.approx(0, abs=1e-9))


def test_a_negative_result_fails_however_small_it_is():
    case = case_of("pairs", "float16", 0, 1)
    out = rounded_once(case.build())
    at = int(np.argmax(to_float64(case.build())[:, 1] > 0))
    out[at, 0] = -format_of("float16").min_subnormal
    claims = Claims(subnormals="flush", accumulate="float16", algorithm="division_free")
    with Answers(0) as answers:
        verdict = checks.load("exhaustive").judge(case, [out], answers, claims)
    assert verdict.status is Status.FAIL
    assert tally.take(case.build(), out, claims).negative == 1


def test_planted_wrong_answers_are_rejected_on_batches_of_every_space():
    for regime, dtype, _ in SPACES:
        size = spaces.SPACES[regime].size(dtype)
        for first in (1, size // 2):
            x = case_of(regime, dtype, first, first + 1).build()
            proof = planted.evidence(x, Claims())
            assert proof.sufficient, (regime, dtype, first, str(proof))
            assert "zeros" in proof.rejected


def test_the_judge_needs_no_memory_that_grows_with_the_batch():
    x = case_of("pairs", "float16", 31000, 31032).build()  # two million rows
    out = _in_float64(x).astype(np.float16)
    tally.take(x[:2048], out[:2048], Claims())
    tracemalloc.start()
    tally.take(x, out, Claims())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_the_histogram_survives_its_way_through_a_text():
    counts = np.arange(len(histogram.names())) * 1000
    text = f"rejects zeros; errors in ulps: {histogram.text(counts)}"
    assert histogram.read(text).tolist() == counts.tolist()


# --- through the suite ------------------------------------------------------------------------


class InProcess:
    """An executor that answers by a function at once, and counts what it was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def submit_many(self, _spec, questions, _timeout):
        self.asked += [text for _, text in questions]
        future = Future()
        future.set_result([self._reply(parse(text)) for _, text in questions])
        return future

    def _reply(self, case):
        try:
            return Reply(kind="answer", outputs=(self.answer(case.build()),), seconds=1.0)
        except ValueError as error:
            return Reply(kind="raised", message=f"ValueError: {error}")

    def retire(self, _spec):
        pass

    def close(self):
        """Nothing is held."""


def rounded_once(x):
    return from_float64(format_of(x.dtype), _in_float64(x))


def spec(*dtypes):
    source = Source("plugin", "somewhere")
    return BackendSpec("it", source, dtypes, {"softmax": ("axis",)}, "numpy", "cpu", Claims())


@pytest.fixture
def store(tmp_path):
    with open_store(str(tmp_path / "results.db")) as opened:
        yield opened


@pytest.fixture
def few(monkeypatch):
    """Cut three batches out of the middle of every space."""

    def three(space, dtype):
        first = space.size(dtype) * 9 // 20
        return [(value, value + 1) for value in range(first, first + 3)]

    monkeypatch.setattr(spaces.Space, "batches", three)


def run(store, executor, dtype, offered, stop_after=None, begun=None):
    """Run the check as ``python -m verify`` does; return its outcomes by case."""
    arguments = session.Arguments(names=("it",), checks=("exhaustive",), dtypes=(dtype,))
    begun = begun or session.new_run(arguments, [spec(*offered)], ["test"])
    if stop_after is None or begun.id not in [r.id for r in store.runs()]:
        store.begin(begun)
    seen = []

    def see(outcome):
        seen.append(outcome)
        if len(seen) == stop_after:
            raise KeyboardInterrupt

    with Answers(0) as answers:
        suite = Suite(arguments.selection(), executor, answers, lambda _: None)
        outcomes = session.examine(store, begun, arguments, suite, [spec(*offered)], 1, see)
    return {outcome.case: outcome for outcome in outcomes}


@pytest.mark.usefixtures("few")
def test_every_batch_is_an_outcome_and_the_last_one_sums_them_up(store):
    found = run(store, InProcess(rounded_once), "float16", ["float16"])
    total = found.pop("softmax/float16/pairs")
    assert [outcome.status for outcome in found.values()] == [Status.PASS] * 3
    assert {outcome.coverage for outcome in found.values()} == {"exhaustive"}
    assert total.count == sum(outcome.count for outcome in found.values()) == 3 * 63488 * 2
    assert total.status is Status.PASS
    assert total.misrounded == 0
    assert 0.4 < total.max_ulp <= 0.5
    assert total.coverage == "sampled", "three batches are not the space"
    assert "only 190,464 of 4,030,726,144 inputs" in total.message
    assert "0 misrounded" in total.message


@pytest.mark.usefixtures("few")
def test_a_total_over_the_whole_space_says_so_and_gives_the_share_of_misrounded_results(
    store, monkeypatch
):
    def every_tenth_row_off(x):
        out = rounded_once(x)
        bits = out.view(np.uint16)
        sure = np.flatnonzero((bits[:, 0] > 0x1000) & (bits[:, 0] < 0x3BF0))[::10]
        bits[sure, 0] += 1
        every_tenth_row_off.count += len(sure)
        return out

    every_tenth_row_off.count = 0
    monkeypatch.setattr(spaces.Space, "rows", lambda *_: 3 * 63488)
    found = run(store, InProcess(every_tenth_row_off), "float16", ["float16"])
    total = found["softmax/float16/pairs"]
    assert total.coverage == "exhaustive"
    assert total.misrounded == every_tenth_row_off.count > 100
    share = total.misrounded / (2 * 3 * 63488)
    assert f"{total.misrounded:,} misrounded ({share:.3g})" in total.message
    assert "all 190,464 inputs" in total.message
    assert total.status is Status.FAIL
    assert 0.5 < total.max_ulp < 3, "one step up is two ulps from below a power of two"


@pytest.mark.usefixtures("few")
def test_an_interrupted_run_goes_on_where_it_was_and_ends_with_the_same_total(store):
    arguments = session.Arguments(names=("it",), checks=("exhaustive",), dtypes=("float16",))
    begun = session.new_run(arguments, [spec("float16")], ["test"])
    executor = InProcess(rounded_once)
    with pytest.raises(KeyboardInterrupt):
        run(store, executor, "float16", ["float16"], stop_after=2, begun=begun)
    assert len(store.outcomes(begun.id)) == 2
    assert store.unfinished("verify")[0].id == begun.id
    store.begin = lambda _: None
    again = InProcess(rounded_once)
    resumed = run(store, again, "float16", ["float16"], begun=begun)
    assert len(again.asked) == 1
    assert len(resumed) == 4
    del store.begin
    whole = run(store, InProcess(rounded_once), "float16", ["float16"])
    assert resumed == whole


@pytest.mark.usefixtures("few")
def test_what_raises_on_one_batch_fails_once_and_is_not_asked_for_the_rest(store):
    def refuse(_):
        raise ValueError("only square matrices")

    executor = InProcess(refuse)
    found = run(store, executor, "bfloat16", ["bfloat16"])
    assert [outcome.status.value for outcome in found.values()].count("fail") == 1
    assert [outcome.status.value for outcome in found.values()].count("skip") == 2
    (failed,) = [outcome for outcome in found.values() if outcome.status is Status.FAIL]
    assert "only square matrices" in failed.message
    assert len(found) == 3, "no total of nothing"
    assert len(executor.asked) <= 1


@pytest.mark.usefixtures("few")
def test_fp8_numbers_are_handed_over_in_float16_where_the_format_is_not_taken(store):
    found = run(store, InProcess(rounded_once), "float8_e5m2", ["float32", "float16"])
    skipped = [outcome for outcome in found.values() if outcome.status is Status.SKIP]
    assert [outcome.message for outcome in skipped] == ["does not offer float8_e5m2"]
    asked = [outcome for outcome in found.values() if outcome.status is Status.PASS]
    assert {outcome.dtype for outcome in asked} == {"float16"}
    assert len(asked) == 4
    assert all("float8_e5m2, handed over in float16" in outcome.message for outcome in asked)


@pytest.mark.usefixtures("few")
def test_fp8_numbers_go_as_they_are_to_what_takes_them(store):
    found = run(store, InProcess(rounded_once), "float8_e4m3fn", ["float16", "float8_e4m3fn"])
    by_status = {outcome.status: outcome for outcome in found.values()}
    assert by_status[Status.SKIP].message == "takes float8_e4m3fn itself"
    passed = [outcome for outcome in found.values() if outcome.status is Status.PASS]
    assert {outcome.dtype for outcome in passed} == {"float8_e4m3fn"}


def test_claims_are_held_against_every_element():
    x = case_of("pairs", "float16", 31000, 31001)
    out = rounded_once(x.build())
    for claims, status in (
        (Claims(correctly_rounded=True, max_ulp=0.5), Status.PASS),
        (Claims(max_ulp=0.25), Status.FAIL),
    ):
        with Answers(0) as answers:
            assert checks.load("exhaustive").judge(x, [out], answers, claims).status is status


def test_flushed_subnormal_results_need_their_claim():
    case = case_of("pairs", "float16", 31000, 31001)
    out = rounded_once(case.build())
    out[to_float64(out) < format_of("float16").min_normal] = 0
    check = checks.load("exhaustive")
    with Answers(0) as answers:
        plain = check.judge(case, [out], answers, Claims())
        assert plain.status is Status.FAIL
        assert 'subnormals="flush" would declare it' in plain.message
        declared = check.judge(case, [out], answers, Claims(subnormals="flush"))
        assert declared.status is Status.PASS


def test_nobody_is_asked_exhaustively_without_asking_for_it(verify):
    assert "exhaustive" not in checks.NAMES
    assert "exhaustive" in checks.ALL
    assert Selection().checks == checks.NAMES
    assert "  exhaustive " in verify("--list").stdout


ONE_PAIR = '''
"""A plugin that is wrong for a single pair."""
import numpy as np
from backends import Claims, register

@register("one_pair", dtypes=["float16"])
def softmax(x, axis=-1):
    wide = x.astype(np.float64)
    e = np.exp(wide - wide.max(axis=axis, keepdims=True))
    y = (e / e.sum(axis=axis, keepdims=True)).astype(np.float16)
    y[(x[:, 0] == np.float16({a})) & (x[:, 1] == np.float16({b})), 0] *= np.float16(1.01)
    return y
'''


def test_a_backend_that_is_wrong_for_one_pair_is_found_with_its_inputs(verify, tmp_path):
    case = case_of("pairs", "float16", 50000, 50001)
    a, b = to_float64(case.build())[40321].tolist()
    assert abs(a - b) < 9, "a pair whose results are not 0 and 1"
    plugin, output = tmp_path / "one_pair.py", tmp_path / "out.json"
    plugin.write_text(ONE_PAIR.format(a=a, b=b), encoding="utf-8")
    words = ("--plugin", plugin, "--check", "exhaustive", "--case", case, "--output", output)
    assert verify(*words).returncode == 1
    (outcome,) = json.loads(output.read_text())["outcomes"]
    assert outcome["status"] == "fail"
    assert outcome["misrounded"] == 1
    assert outcome["coverage"] == "exhaustive"
    assert f"x=[{a!r}, {b!r}], element 0" in outcome["worst"]
    assert f"--case {case}" in outcome["replay"]


def test_a_case_without_a_span_is_refused_by_this_check(verify):
    done = verify("--check", "exhaustive", "--case", "softmax/float16/4x2/uniform", "numpy_stable")
    assert done.returncode == 2
    assert "span" in done.stderr


@pytest.mark.usefixtures("few")
def test_totals_take_the_gravest_status_and_the_worst_element(store):
    found = run(store, InProcess(rounded_once), "float16", ["float16"])
    batches = [o for o in found.values() if not totals.is_total(o)]
    worse = dataclasses.replace(batches[1], status=Status.WEAK, max_ulp=0.75, worst="there")
    (total,) = totals.totals([batches[0], worse, batches[2]])
    assert (total.status, total.max_ulp, total.worst) == (Status.WEAK, 0.75, "there")
    assert "--case" not in total.replay
    assert "--dtype float16" in total.replay
    assert "worst: there" in totals.lines([total])[0]
