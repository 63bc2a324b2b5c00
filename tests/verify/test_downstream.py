"""Downstream: trainings are the same to the bit, what goes wrong in them shows, and is told."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import backends
from backends import Claims, register, registry
from backends.formats import format_of, to_float64
from backends.operations import OPERATIONS
from reports.records import Status
from verify import (
    checks,
    downstream_page,
    downstream_table,
    exact_training,
    judge,
    network,
    oracle,
    training,
)
from verify.answers import Answers
from verify.cases import CaseError, parse
from verify.checks import downstream
from verify.network import CLASSES, HELD_OUT
from verify.replies import Reply
from verify.suite import Question, Selection, Suite

STEPS = 30
FORMATS = ("float64", "float32", "float16", "bfloat16")


@pytest.fixture(autouse=True)
def _names():
    with registry.isolated():
        yield


def case_of(dtype="float32", regime="digits_training", operation="softmax", steps=STEPS, batch=64):
    return parse(f"{operation}/{dtype}/{steps}x{batch}x10/{regime}")


def traced(backend, case):
    return training.Trace.of(case, training.training(backend, case))


def judged(backend, case, claims=None):
    """Return what a suite makes of a backend's training, limitations and all."""
    spec = dataclasses.replace(backend.describe(), claims=claims or backend.claims)
    suite = Suite(Selection(checks=("downstream",)), None, Answers(0), lambda _: None)
    reply = Reply(kind="answer", outputs=tuple(training.training(backend, case)))
    return suite.verdict(spec, Question(checks.load("downstream"), case), reply)


def mine(function, name="mine", operation="softmax"):
    function.__name__ = operation
    register(name, dtypes=list(FORMATS))(function)
    return backends.get(name)


# --- the network ------------------------------------------------------------------------------


def test_the_images_are_those_of_scikit_learn():
    pixels, labels = load_digits(return_X_y=True)
    shipped = network._digits()
    assert (shipped.pixels == pixels).all()
    assert (shipped.labels == labels).all()


def test_no_image_that_is_held_out_is_learned_from_and_all_others_are():
    held = network.held_out("digits_growing", 3)
    lessons = network.lessons("digits_growing", 3, 3000)
    rows = {row.tobytes() for row in lessons.pixels}
    assert len(held.labels) == HELD_OUT
    assert not rows & {row.tobytes() for row in held.pixels}
    assert len(rows) == 1797 - HELD_OUT
    assert np.bincount(held.labels).min() > HELD_OUT / CLASSES / 2


def test_a_matrix_product_is_summed_term_after_term():
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(5, 40)), rng.normal(size=(40, 3))
    expected = np.zeros((5, 3))
    for row in range(5):
        for column in range(3):
            total = 0.0
            for term in range(40):
                total += float(left[row, term]) * float(right[term, column])
            expected[row, column] = total
    assert (network.product(left, right) == expected).all()


def test_one_step_is_the_gradient_of_the_loss():
    setting = dataclasses.replace(network.SETTINGS["digits_training"], rate=1.0)
    lessons = network.lessons("digits_training", 0, 16)
    truth = training._one_hot(lessons.labels)

    def loss(net):
        logits = net.forward(lessons.pixels).logits
        shifted = logits - logits.max(axis=1, keepdims=True)
        return np.mean(np.log(np.exp(shifted).sum(axis=1)) - (shifted * truth).sum(axis=1))

    def fresh():
        return network.Network(format_of("float64"), setting, 0)

    net = fresh()
    seen = net.forward(lessons.pixels)
    p = np.exp(seen.logits - seen.logits.max(axis=1, keepdims=True))
    net.learn(lessons.pixels, seen, p / p.sum(axis=1, keepdims=True) - truth, 1.0)
    for layer, at in ((0, (20, 3)), (0, (36, 30)), (1, (5, 7)), (1, (31, 0))):
        step = fresh().weights[layer][at] - net.weights[layer][at]
        ends = []
        for nudge in (1e-5, -1e-5):
            nudged = fresh()
            nudged.weights[layer][at] += nudge
            ends.append(loss(nudged))
        assert step == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("dtype", FORMATS)
def test_whatever_is_kept_is_a_number_of_the_format(dtype):
    case = case_of(dtype, steps=3)
    trace = exact_training.run(case)
    assert trace.logits.dtype == trace.answers.dtype == format_of(dtype).numpy_dtype
    net = network.Network(format_of(dtype), network.SETTINGS["digits_training"], 0)
    for each in net.weights:
        assert (net.rounded(each) == each).all()


# --- the exact run ----------------------------------------------------------------------------


def test_the_exact_run_is_the_same_again_from_the_cache_and_computed_anew(monkeypatch, tmp_path):
    case = case_of("bfloat16", steps=12)
    first = exact_training.run(case)
    exact_training._run.cache_clear()
    monkeypatch.setitem(vars(oracle), "OPERATIONS", {"softmax": None})  # nothing is computed
    cached = exact_training.run(case)
    monkeypatch.undo()
    exact_training._run.cache_clear()
    monkeypatch.setenv("SOFTMARK_CACHE", str(tmp_path))
    anew = exact_training.run(case)
    for one, two, three in zip(first, cached, anew, strict=True):
        assert one.tobytes() == two.tobytes() == three.tobytes()


PINNED = {
    ("float64", "digits_training"): "0xdb3f18a6f56fb0c4",
    ("float32", "digits_growing"): "0x9d9c84a7d30a6ec5",
    ("bfloat16", "digits_training"): "0x68b4884d33d6fa80",
}


@pytest.mark.parametrize(("dtype", "regime"), PINNED)
def test_the_arithmetic_around_the_answers_changes_only_with_the_network_s_version(dtype, regime):
    trace = exact_training.run(case_of(dtype, regime, steps=5, batch=16))
    assert network.VERSION == 1
    assert hex(trace.digests[-1]) == PINNED[dtype, regime]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("regime", ["digits_training", "digits_growing"])
def test_numba_exact_is_the_exact_run_at_every_step(dtype, regime):
    case = case_of(dtype, regime)
    backend = backends.get("numba_exact")
    trace, exact = traced(backend, case), exact_training.run(case)
    assert (trace.digests == exact.digests).all()
    assert len(set(exact.digests.tolist())) == STEPS
    verdict = judged(backend, case)
    assert (verdict.status, verdict.misrounded) == (Status.PASS, 0)
    assert "no step differs" in verdict.message


@pytest.mark.parametrize("dtype", FORMATS)
def test_logits_grow_beyond_what_exp_can_take_and_the_exact_run_learns(dtype):
    exact = exact_training.run(case_of(dtype, "digits_growing"))
    assert np.abs(to_float64(exact.logits)).max() > 1000
    assert exact.finite.all()
    assert exact.correct[-1] > 0.8 * HELD_OUT


# --- verdicts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FORMATS)
def test_the_naive_formula_becomes_nan_as_logits_grow_and_is_known_for_it(dtype):
    backend, case = backends.get("numpy_naive"), case_of(dtype, "digits_growing")
    declared = judged(backend, case)
    assert declared.status is Status.KNOWN
    bare = judged(backend, case, Claims(algorithm="unshifted"))
    assert bare.status is Status.FAIL
    first = traced(backend, case).broke
    assert 0 < first < 10
    assert f"NaN or an infinity from step {first + 1} on, in the exact run never" in bare.message
    assert "loss nan" in bare.message


def test_the_naive_formula_is_as_good_as_any_while_logits_are_small():
    assert judged(backends.get("numpy_naive"), case_of()).status is Status.PASS


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("regime", ["digits_training", "digits_growing"])
def test_a_stable_softmax_learns_as_well_as_the_exact_run(dtype, regime):
    verdict = judged(backends.get("numpy_stable"), case_of(dtype, regime))
    assert verdict.status is Status.PASS
    assert "images held out are recognised" in verdict.message


def test_the_first_step_that_differs_is_told():
    calls = []

    def slips(x):
        calls.append(x)
        p = to_float64(oracle.OPERATIONS["softmax"](x).rounded)
        p[0, 0] *= 1.0 + 2.0**-20 * (len(calls) == 7)
        return p.astype(x.dtype)

    backend = mine(slips)
    verdict = judged(backend, case_of())
    assert verdict.status is Status.PASS
    assert "step 7 differs first from the exact run of 30" in verdict.message
    calls.clear()
    claimed = judged(backend, case_of(), Claims(correctly_rounded=True))
    assert claimed.status is Status.FAIL
    assert "not the exact run" in claimed.message


def stable(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_a_softmax_off_by_one_percent_is_caught_although_it_learns_as_well():
    verdict = judged(mine(lambda x: (stable(x) * 1.01).astype(x.dtype)), case_of())
    assert verdict.status is Status.FAIL
    assert "answers on the way: off by" in verdict.message
    assert verdict.message.count("first at step 1;") == 1
    assert "fewer" not in verdict.message


def test_a_fault_that_begins_late_is_caught_at_its_step():
    calls = []

    def late(x):
        calls.append(x)
        return stable(x) * np.float32(1.01 if len(calls) > 20 else 1.0)

    verdict = judged(mine(late), case_of())
    assert verdict.status is Status.FAIL
    assert "first at step 21" in verdict.message


def test_a_softmax_that_teaches_nothing_is_told_by_what_is_recognised():
    verdict = judged(mine(lambda x: np.full_like(x, 0.1)), case_of())
    assert verdict.status is Status.FAIL
    assert "images fewer than the exact run" in verdict.message


def grad(x, labels, sign=-1.0):
    d = stable(x)
    d[np.arange(len(labels)), labels] += x.dtype.type(sign)
    return d


def test_a_gradient_is_trained_with_by_itself():
    verdict = judged(
        mine(grad, operation="cross_entropy_grad"), case_of(operation="cross_entropy_grad")
    )
    assert verdict.status is Status.PASS


@pytest.mark.parametrize("sign", [0.0, 1.0])
def test_a_gradient_that_forgets_its_label_or_its_sign_is_caught(sign):
    def wrong(x, labels):
        return grad(x, labels, sign)

    verdict = judged(
        mine(wrong, operation="cross_entropy_grad"), case_of(operation="cross_entropy_grad")
    )
    assert verdict.status is Status.FAIL
    assert "answers on the way: off by" in verdict.message
    assert "images fewer than the exact run" in verdict.message


def test_one_vs_all_learns_too_and_a_sigmoid_off_by_one_percent_is_caught():
    case = case_of(operation="sigmoid")
    good = judged(backends.get("numpy_stable"), case)
    assert good.status is Status.PASS
    assert exact_training.run(case).correct[-1] > 0.8 * HELD_OUT
    wrong = mine(lambda x: (1.01 / (1.0 + np.exp(-x))).astype(x.dtype), operation="sigmoid")
    assert judged(wrong, case).status is Status.FAIL


def test_what_is_returned_in_another_form_is_refused():
    with pytest.raises(TypeError, match=r"returned float64 of shape \(64, 10\)"):
        traced(mine(lambda x: stable(x).astype(np.float64)), case_of())


def test_a_backend_that_writes_into_its_inputs_changes_nothing_of_the_network():
    def writes(x, labels):
        d = grad(x, labels)
        x[...] = 0.0
        labels[...] = 0
        return d

    case = case_of(steps=4, operation="cross_entropy_grad")
    plain = traced(mine(grad, operation="cross_entropy_grad"), case)
    writer = traced(mine(writes, "writer", operation="cross_entropy_grad"), case)
    for one, other in zip(plain, writer, strict=True):
        assert one.tobytes() == other.tobytes()


def test_a_training_too_short_to_tell_learning_from_guessing_proves_nothing():
    verdict = judged(backends.get("numpy_stable"), case_of(steps=1))
    assert verdict.status is Status.WEAK
    assert "proves nothing" in verdict.message


def test_the_margin_is_far_from_what_guessing_would_lose():
    exact = exact_training.run(case_of())
    accuracy = exact.correct[-1] / HELD_OUT
    rng = np.random.default_rng(0)
    lost = np.subtract(*rng.binomial(HELD_OUT, accuracy, (2, 200_000)))
    assert (lost > downstream.margin(exact)).mean() < 1e-4
    assert downstream.margin(exact) < (exact.correct[-1] - HELD_OUT / CLASSES) / 2


@pytest.mark.parametrize(
    "text",
    [
        "softmax/float32/64x10/digits_training",
        "softmax/float32/4x64x9/digits_training",
        "softmax/float32/4x64x10/digits",
        "softmax/float32/4x64x10/digits_training/temperature=2.0",
        "log_softmax/float32/4x64x10/digits_training",
        "softmax/float32/0x64x10/digits_training",
        "cross_entropy_grad/float32/4x64x10/digits_training/ignore_index=3",
    ],
)
def test_a_case_that_is_no_training_is_refused(text):
    with pytest.raises(CaseError, match="training"):
        checks.load("downstream").procedure(parse(text))


def test_a_reply_that_is_no_trace_is_a_fail():
    verdict = checks.load("downstream").judge(case_of(), (np.zeros(3),), Answers(0), Claims())
    assert verdict.status is Status.FAIL
    assert "no trace" in verdict.message


def test_trainings_are_asked_of_every_operation_that_can_drive_one():
    selection = Selection(operations=tuple(OPERATIONS), checks=("downstream",))
    asked = {(q.case.operation, q.case.dtype, q.case.regime) for q in selection.questions()}
    driving = ("softmax", "cross_entropy_grad", "sigmoid")
    assert asked == {(o, d, r) for o in driving for d in FORMATS for r in network.SETTINGS}


def test_the_check_is_asked_for_by_name_and_replays_from_its_case(verify, tmp_path):
    assert "downstream" not in checks.NAMES
    out = tmp_path / "out.json"
    done = verify(
        *("numpy_naive", "numpy_stable", "--check", "downstream", "--output", out),
        *("--case", "softmax/float16/20x64x10/digits_growing"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    naive, sound = json.loads(out.read_text())["outcomes"]
    assert (naive["status"], sound["status"]) == ("known", "pass")
    assert "--check downstream" in naive["replay"]


# --- the page ---------------------------------------------------------------------------------


def test_the_page_and_the_curves_hold_every_training_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SOFTMARK_STORE", str(tmp_path / "unused.db"))
    outputs = [tmp_path / name for name in ("page.md", "curves.csv", "curves.parquet")]
    cases = [
        "softmax/float16/30x64x10/digits_growing",
        "softmax/float32/30x64x10/digits_training",
        "sigmoid/float32/30x64x10/digits_training",
    ]
    code = downstream_table.main(
        ["numpy_naive", "numpy_stable"]
        + [word for case in cases for word in ("--case", case)]
        + [word for path in outputs for word in ("--output", str(path))]
    )
    assert code == 0
    page = outputs[0].read_text()
    assert page in capsys.readouterr().out
    assert "| numpy_naive | float16 | known | 2 | 2 | 0 | nan |" in page
    assert "| exact | float32 |  | none | none |" in page
    assert "- numpy_naive, float16: logits grow until exp overflows" in page
    assert "Softmax beside one-vs-all" in page
    frame = pd.read_csv(outputs[1])
    assert len(frame) == STEPS * (3 + 3 + 2)
    assert len(pd.read_parquet(outputs[2])) == len(frame)
    groups = frame.groupby(["backend", "operation", "dtype", "regime", "seed"])
    assert (groups.step.nunique() == STEPS).all()
    assert frame[frame.backend == downstream_table.EXACT].same.all()
    naive = frame[(frame.backend == "numpy_naive") & (frame.regime == "digits_growing")]
    assert naive.finite.tolist() == [True] + [False] * (STEPS - 1)
    assert sorted(frame[frame.recognised.notna()].step.unique()) == [25, 30]


def test_a_training_without_an_answer_stands_in_the_page_with_its_reason():
    case = case_of(steps=4)
    exact = exact_training.run(case)
    verdict = judge.Verdict(status=Status.CRASH, message="ended by signal 11 | \x1b[31m")
    lost = downstream_table.Trained("mine", case, None, exact, verdict)
    page = downstream_page.page([lost], "command")
    assert "| mine | float32 | crash | ended by signal 11 \\| \\x1b[31m |" in page
    assert downstream_table.curves([lost]).empty


def test_an_output_of_another_kind_is_refused_before_anything_is_trained(capsys):
    with pytest.raises(SystemExit):
        downstream_table.main(["--output", "page.html"])
    assert ".parquet" in capsys.readouterr().err
