"""What is asked over many calls: inputs, logs, figures, and what the judge makes of them."""

import gc
import math
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from backends import Claims
from backends.backend import Backend
from backends.formats import to_float64
from backends.spec import Source
from reports.records import Outcome, Status
from verify import arrangements, checks, concurrent_calls, memory, repeated_calls, threads
from verify import watched_calls as watched
from verify.answers import Answers
from verify.calls import CALLED, Caller, InputChangedError, WrongResultError
from verify.cases import parse
from verify.excuses import absent_limitations
from verify.procedures import PROCEDURES
from verify.regimes import rows_of
from verify.sightings import GarbledError, Log, Seen

BEHAVIOUR = ("determinism", "batch_invariance", "thread_safety", "replay", "drift")
WATCHED = ("leaks", "cliffs")
CASE = parse("softmax/float32/4x33/grid")


def softmax(x, axis=-1, temperature=1.0):
    shifted = (x - x.max(axis=axis, keepdims=True, initial=-np.inf)) / np.float32(temperature)
    e = np.exp(shifted)
    return (e / e.sum(axis=axis, keepdims=True)).astype(x.dtype)


def backend_of(function, claims=None, dtypes=("float32",)):
    function.__name__ = "softmax"
    source = Source("plugin", "here")
    return Backend(
        "mine",
        function,
        dtypes=dtypes,
        array="numpy",
        device="cpu",
        claims=claims or Claims(),
        requires=(),
        source=source,
    )


def verdict_of(check, case, function=softmax, claims=None):
    backend = backend_of(function, claims)
    loaded = checks.load(check)
    outputs = PROCEDURES[loaded.procedure(case)](backend, case)
    return loaded.judge(case, outputs, Answers(0), claims or Claims())


def inputs_of(check, case):
    return getattr(checks.load(check), "inputs", lambda c: (c,))(case)


# --- a call -------------------------------------------------------------------------------------


def test_a_caller_notices_a_write_into_the_memory_that_it_fed_last():
    def writes(x, axis=-1, temperature=1.0):
        y = softmax(x, axis, temperature)
        x[0, 0] = 7
        return y

    caller = Caller(backend_of(softmax), CASE, CASE.inputs())
    caller.feed((CASE.build()[::-1].copy(),))
    caller()
    with pytest.raises(InputChangedError):
        Caller(backend_of(writes), CASE, CASE.inputs())()


def test_a_result_of_another_form_is_named_with_its_call():
    log = Log(CASE)
    with pytest.raises(WrongResultError, match=r"call 3: the result has shape \(33, 4\)"):
        log.add(3, softmax(CASE.build()).T, range(4))
    with pytest.raises(WrongResultError, match="dtype float64"):
        log.add(4, softmax(CASE.build()).astype(np.float64), range(4))


# --- arrangements -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("text", ["4x33/grid", "1x257/grid", "33x6/grid/axis=0"])
def test_lookalikes_have_the_sums_the_extremes_and_the_ends_of_their_originals(dtype, text):
    case = parse(f"softmax/{dtype}/{text}")
    inputs = [to_float64(rows_of(c.build(), c.axis)) for c in arrangements.lookalikes(case)]
    for one, other in (inputs[:2], inputs[2:]):
        assert not np.array_equal(one, other)
        assert np.array_equal(one.sum(axis=1), other.sum(axis=1))
        assert np.array_equal(np.sort(one, axis=1), np.sort(other, axis=1))
        assert np.array_equal(one[:, [0, -1]], other[:, [0, -1]])
    assert not np.array_equal(inputs[0], inputs[2])


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("operation", ["cross_entropy", "cross_entropy_grad", "softmax_vjp"])
def test_a_lookalike_has_the_very_logits_and_what_goes_with_them_in_another_order(operation, dtype):
    case, _, original, lookalike = arrangements.lookalikes(parse(f"{operation}/{dtype}/4x33/grid"))
    (x, with_it), (same, other) = original.inputs(), lookalike.inputs()
    assert same.tobytes() == x.tobytes() != case.build().tobytes()
    assert other.tobytes() != with_it.tobytes()
    assert np.array_equal(np.sort(other, axis=None), np.sort(with_it, axis=None))
    assert parse(str(lookalike)) == lookalike


@pytest.mark.parametrize("check", [*BEHAVIOUR, *WATCHED])
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_every_further_input_of_a_check_can_be_built_and_read_back(check, profile):
    for case in checks.load(check).cases(checks_scope(profile)):
        for each in inputs_of(check, case):
            if each.count < 3000:
                assert parse(str(each)).build().tobytes() == each.build().tobytes()


def checks_scope(profile, dtype="float32"):
    from verify.checks.check import Scope

    return Scope("softmax", dtype, profile, 0)


@pytest.mark.parametrize(
    "text", ["3/values/x=1.6,3.1,0.5", "2x3/values/x=1.0,2.0,nan", "scalar/normal"]
)
def test_a_given_row_has_neighbours_too(text):
    case = parse(f"softmax/float32/{text}")
    shapes = [each.shape for each in arrangements.neighbours(case)]
    assert len(set(shapes)) >= 3
    assert all(
        parse(str(each)).build().shape == each.shape for each in arrangements.neighbours(case)
    )


def test_a_row_stands_alone_and_at_every_place_of_every_size():
    places = {(len(rows), rows.index(0)) for rows in repeated_calls.arranged(64) if 0 in rows}
    assert places == {(1, 0)} | {(size, at) for size in (2, 3, 8, 64) for at in range(size)}
    assert all(len(set(rows)) == len(rows) for rows in repeated_calls.arranged(64))
    alone = [rows[0] for rows in repeated_calls.arranged(64) if len(rows) == 1]
    assert alone == list(range(64))
    assert all(len(rows) <= 3 for rows in repeated_calls.arranged(3))
    assert list(repeated_calls.arranged(1)) == [[0]]


def test_inputs_begin_at_the_asked_place_of_a_cache_line():
    pool = arrangements.Rows(CASE)
    for past in (0, 16, 32, 48):
        (x,) = pool.batch([2, 1], past=past)
        assert x.ctypes.data % 64 == past
        assert np.array_equal(x, CASE.build()[[2, 1]])


def test_the_order_of_replays_holds_every_way_in_which_an_answer_could_be_kept():
    order = repeated_calls.ORDER
    assert all(part in order for part in ("AAB", "ABAB", "BB", "Aa", "aA", "Bb", "bB"))


# --- logs ---------------------------------------------------------------------------------------


def test_calls_that_agree_travel_as_one_result_a_row():
    log, y = Log(CASE), softmax(CASE.build())
    for call in range(1, 1001):
        log.add(call, y.copy(), range(4))
    seen = Seen.of(log.arrays(), CASE)
    assert (len(seen.results), len(seen.table), seen.calls) == (4, 4, 1000)
    assert seen.difference() is None
    assert seen.distinct() == 1


def test_a_difference_is_told_with_call_row_place_and_both_bit_patterns():
    log, y = Log(CASE), softmax(CASE.build())
    log.add(1, y, range(4))
    other = y.copy()
    other[2, 5] = np.nextafter(other[2, 5], np.float32(1))
    log.add(7, other, range(4))
    seen = Seen.of(log.arrays(), CASE)
    told = seen.told(*seen.difference())
    old, new = (f"0x{int(a[2, 5:6].view(np.uint32)[0]):08x}" for a in (y, other))
    assert (
        told == f"call 7, row 2, place 2 of 4, element 5: {new}; call 1, row 2, place 2 of 4: {old}"
    )


def test_signs_and_payloads_of_nan_are_no_difference_but_those_of_zero_are():
    case = parse("softmax/float32/1x2/values/x=1.0,2.0")
    log = Log(case)
    for call, value in enumerate((math.nan, -math.nan, 0.0, -0.0), start=1):
        log.add(call, np.full((1, 2), value, np.float32), [0])
    assert Seen.of(log.arrays(), case).distinct() == 3


def test_a_backend_that_never_answers_twice_alike_fills_no_memory_and_shows_its_last_answer():
    log, rng = Log(CASE), np.random.default_rng(0)
    last = None
    for call in range(1, 500):
        last = rng.random((4, 33), np.float32)
        log.add(call, last, range(4))
    seen = Seen.of(log.arrays(), CASE)
    assert len(seen.results) == 4 * 32
    assert seen.table[-1, 0] == 499
    assert seen.results[seen.table[-1, -1]].tobytes() == last[seen.table[-1, 1]].tobytes()


def forged():
    results, table, calls = Log(CASE).arrays()
    del results
    y = softmax(CASE.build())
    good = np.array([[1, 0, 4, 0, 0, 0]], np.int64)
    yield [y, good]
    yield [y, good, calls, calls]
    yield [y.astype(np.float64), good, calls]
    yield [y[:, :5], good, calls]
    yield [y, good[:, :3], calls]
    yield [y, good.astype(float), calls]
    yield [y, good + np.array([[0, 4, 0, 0, 0, 0]]), calls]
    yield [y, good + np.array([[0, 0, 0, 0, 0, 4]]), calls]
    yield [y, good - np.array([[0, 1, 0, 0, 0, 0]]), calls]
    yield [y, good, np.zeros(0, np.int64)]
    yield [table]
    yield []


@pytest.mark.parametrize("arrays", list(forged()))
def test_what_no_log_wrote_is_a_fail_of_the_backend_and_no_error_of_the_suite(arrays):
    with pytest.raises(GarbledError):
        Seen.of(arrays, CASE)
    for check in BEHAVIOUR:
        verdict = checks.load(check).judge(CASE, arrays, Answers(0), Claims())
        assert verdict.status is Status.FAIL, check
        assert "cannot be read" in verdict.message


@pytest.mark.parametrize("check", WATCHED)
@pytest.mark.parametrize(
    "arrays",
    [
        [],
        [np.zeros((3, 2))],
        [np.zeros((9, 4))],
        [np.zeros((9, 2), int)],
        [np.zeros((0, 2))],
        [np.ones(4)] * 3,
    ],
)
def test_figures_that_no_procedure_wrote_are_a_fail(check, arrays):
    verdict = checks.load(check).judge(CASE, arrays, Answers(0), Claims())
    assert verdict.status is Status.FAIL
    assert "cannot be read" in verdict.message


# --- judged -------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", BEHAVIOUR)
@pytest.mark.parametrize(
    "text", ["4x33/grid", "1x1/normal", "2x0/normal", "3x2x5/normal/axis=1", "scalar/normal"]
)
def test_a_sound_softmax_passes_and_says_what_was_seen(check, text):
    verdict = verdict_of(check, parse(f"softmax/float32/{text}"))
    assert verdict.status is not Status.FAIL, verdict
    assert verdict.evidence


def test_a_claim_that_is_not_made_is_observed_and_recorded():
    verdict = verdict_of("batch_invariance", CASE)
    assert verdict.status is Status.PASS
    assert verdict.message == "observed: batch invariant in 9 calls"


def test_a_backend_that_disclaims_threads_is_called_by_one_at_a_time():
    inside, most = [], []

    def counting(x, axis=-1, temperature=1.0):
        inside.append(threading.get_ident())
        most.append(len(inside))
        try:
            return softmax(x, axis, temperature)
        finally:
            inside.pop()

    verdict = verdict_of("thread_safety", CASE, counting, Claims(thread_safe=False))
    assert verdict.status is Status.PASS
    assert "thread_safe=False" in verdict.message
    assert max(most) == 1
    verdict_of("thread_safety", CASE, counting)
    assert max(most) > 1


def test_an_error_that_only_company_brings_is_raised_with_the_claim_that_declares_it():
    alone = threading.current_thread()

    def picky(x, axis=-1, temperature=1.0):
        if threading.current_thread() is not alone:
            raise KeyError("no context in this thread")
        return softmax(x, axis, temperature)

    before = sys.getswitchinterval()
    with pytest.raises(concurrent_calls.ConcurrentCallError, match=r"KeyError.*thread_safe=False"):
        concurrent_calls.concurrent(backend_of(picky), CASE)
    assert sys.getswitchinterval() == before


def test_drift_comes_between_other_shapes_and_a_dtype_that_was_called_before():
    shapes = []

    def noting(x, axis=-1, temperature=1.0):
        shapes.append((x.dtype.name, x.shape))
        return softmax(x, axis, temperature)

    backend = backend_of(noting, dtypes=("float64", "float32"))
    CALLED.discard(("mine", "float64"))
    repeated_calls.drifting(backend, CASE)
    assert {dtype for dtype, _ in shapes} == {"float32"}
    assert len({shape for _, shape in shapes}) == 3
    assert shapes[:10] == [("float32", (4, 33))] * 10
    Caller(backend, CASE, (CASE.build().astype(np.float64),))()
    repeated_calls.drifting(backend, CASE)
    assert {dtype for dtype, _ in shapes[1200:]} == {"float32", "float64"}
    assert shapes.count(("float32", (4, 33))) >= 2 * repeated_calls.DRIFT


def test_a_slow_backend_is_asked_fewer_times_and_no_less_than_three():
    clock = repeated_calls.within(0.0)
    assert list(clock) == [1, 2, 3]


# --- threads ------------------------------------------------------------------------------------


def test_thread_counts_of_loaded_libraries_are_limited_and_set_back():
    import numba
    import torch

    before = numba.get_num_threads(), torch.get_num_threads()
    with threads.limited(1):
        assert (numba.get_num_threads(), torch.get_num_threads()) == (1, 1)
    assert (numba.get_num_threads(), torch.get_num_threads()) == before
    with pytest.raises(ZeroDivisionError), threads.limited(1):
        raise ZeroDivisionError
    assert (numba.get_num_threads(), torch.get_num_threads()) == before
    with threads.limited(10**6):
        assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS
    assert threads.counts()[0] >= 2
    assert threads.counts()[-1] == 1


# --- figures ------------------------------------------------------------------------------------


def readings(resident, heap=0.0, objects=0.0, blocks=8, block=400):
    calls = np.arange(blocks + 1.0) * block
    steps = np.zeros((blocks + 1, 3))
    steps[1:] = np.stack([np.broadcast_to(a, blocks) for a in (resident, heap, objects)], axis=1)
    return np.column_stack([calls, np.cumsum(steps, axis=0)])


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (readings(4096 * 400), "leaks about 4096 bytes a call: resident memory"),
        (readings(0, heap=100 * 400), "leaks about 100 bytes a call: the C library's heap"),
        (readings(0, objects=400), "leaks about 1 Python objects a call"),
        # Pages of 2 MiB: half of the blocks show nothing.
        (readings([2**21, 0] * 4), "bytes a call: resident memory"),
        # One block that frees a lot hides no leak.
        (readings([9e6, 4e6, -3e6, 4e6, 4e6, 4e6, 4e6, 4e6]), "leaks about"),
    ],
)
def test_growth_through_a_whole_series_is_a_leak(made, says):
    verdict = checks.load("leaks").judge(CASE, [made], Answers(0), Claims())
    assert verdict.status is Status.FAIL
    assert says in verdict.message


@pytest.mark.parametrize(
    "made",
    [
        readings(0),
        readings([10**8, 0, 0, 0, 0, 0, 0, 0]),
        readings([4e6, 4e6, 4e6, 4e6, 4e6, 0, 0, 0]),
        readings([4096] * 8),
        readings([4e6, -4e6] * 4),
        readings(0, heap=1000, objects=40),
        np.vstack([readings(4e6)[:-1], readings(0) + np.array([[3200, 4e7, 0, 0]])]),
    ],
)
def test_steps_that_end_and_crumbs_are_no_leak(made):
    verdict = checks.load("leaks").judge(CASE, [made], Answers(0), Claims())
    assert verdict.status is Status.PASS, verdict


def test_readings_count_bytes_and_objects_that_stay():
    before = memory.reading()
    kept = [bytearray(1 << 20) for _ in range(64)]
    small = [object() for _ in range(5000)]
    after = memory.reading()
    assert after[0] - before[0] > 32 << 20
    assert after[1] == 0 or after[1] - before[1] >= 64 << 20
    assert after[2] - before[2] >= 5000
    assert len(kept) + len(small) == 5064


def test_watching_memory_leaves_the_collector_as_it_was():
    assert gc.get_freeze_count() == 0
    watched.leaking(backend_of(softmax), CASE)
    assert gc.get_freeze_count() == 0


def times(ratio):
    return np.array([[ratio, 1.0], [ratio * 1.5, 1.2], [ratio * 9, 30.0]]) * 1e-4


@pytest.mark.parametrize(
    ("ratios", "status"),
    [
        ((1.0,), Status.PASS),
        ((9.0,), Status.PASS),
        ((40.0, 2.0, 1.0), Status.PASS),
        ((6.0, 30.0, 1.0), Status.PASS),
        ((12.0, 11.0, 1.0), Status.FAIL),
        ((12.0, 11.0, 20.0), Status.WEAK),
        ((60.0, 70.0, 20.0), Status.FAIL),
        ((math.inf, math.inf, 1.0), Status.FAIL),
    ],
)
def test_a_cliff_is_told_if_it_shows_twice_and_is_not_the_librarys_own(ratios, status):
    case = replace(CASE, regime="ascending")
    outputs = [times(ratio) for ratio in ratios]
    verdict = checks.load("cliffs").judge(case, outputs, Answers(0), Claims())
    assert verdict.status is status, verdict
    if status is Status.FAIL:
        assert "ascending rows take" in verdict.message
        assert "'cliffs/float32' would declare it" in verdict.message
        assert "ms a call" in verdict.worst


# --- limitations --------------------------------------------------------------------------------


def test_a_limitation_that_another_machine_shows_need_not_show_on_this_one():
    from backends import discovery

    spec = next(s for s in discovery.builtin_specs() if s.name == "torch_eager")
    declared = [name for name in spec.claims.limitations if name.startswith("determinism/")]
    assert declared
    outcomes = [
        Outcome(
            backend="torch_eager",
            operation="softmax",
            dtype="float32",
            check=check,
            case="softmax/float32/1031x6/uniform/axis=0",
            regime="uniform",
            shape=(1031, 6),
            axis=0,
            n=1031,
            status=Status.PASS,
        )
        for check in ("determinism", "cliffs", "leaks")
    ]
    assert absent_limitations(spec, outcomes) == []
