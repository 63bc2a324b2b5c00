"""The search for the worst input: it finds, shrinks, keeps and replays."""

import concurrent.futures
import json
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from backends import Claims, register, registry
from backends.formats import format_of
from reports.records import Status
from verify import cases, procedures
from verify.answers import Answers
from verify.replies import Reply
from verify.search import corpus, report
from verify.search.asking import Asker, Scores
from verify.search.hunt import Budget, Hunt
from verify.search.shrink import Shrinker
from verify.suite import Selection, Suite

ROOT = Path(__file__).parents[2]

# Off by 2^-9 where an element lies so far below the maximum, and nowhere else.
PLANTED = '''
"""A plugin with a bad stretch in its exponential."""
import numpy as np
from backends import Claims, register

@register("planted", dtypes=["float32"])
def softmax(x):
    gap = x.max(axis=-1, keepdims=True) - x
    e = np.exp(-gap.astype(np.float64))
    e = np.where((gap > 11.0905) & (gap < 11.12), e * (1 + 2.0**-9), e)
    return (e / e.sum(axis=-1, keepdims=True)).astype(x.dtype)
'''


class Inline:
    """An executor that calls the backend in this process."""

    def submit_many(self, spec, questions, timeout):
        del timeout
        future = concurrent.futures.Future()
        future.set_result([self._reply(spec, *words) for words in questions])
        return future

    def _reply(self, spec, procedure, case):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a backend's own, which a worker ignores too
                outputs = procedures.PROCEDURES[procedure](
                    registry.get(spec.name), cases.parse(case)
                )
            return Reply(kind="answer", outputs=tuple(outputs))
        except Exception as error:  # noqa: BLE001 - whatever it raises is what a worker sends
            return Reply(kind="raised", message=f"{type(error).__name__}: {error}")

    def retire(self, spec):
        """Nothing is held."""

    def close(self):
        """Nothing is held."""


@pytest.fixture(autouse=True)
def _names():
    with registry.isolated():
        yield


def stable(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def searched(function, *, elements=1_500_000, dtypes=("float32",), seed=0, **more):
    """Return the outcomes of a search of `function`, registered under the name "mine"."""
    function.__name__ = "softmax"
    kept = more.pop("corpus", corpus.Corpus())
    done = more.pop("done", frozenset())
    offered = more.pop("offered", ("float32",))
    register("mine", dtypes=offered, **more)(function)
    found = []
    selection = Selection(dtypes=dtypes, seed=seed)
    suite = Suite(selection, Inline(), Answers(0), found.extend)
    plan = report.Plan(seconds=None, elements=elements, corpus=kept)
    report.search(suite, [registry.get("mine").describe()], plan, done)
    return found


def searched_again(outcome):
    """Return what the replay of an outcome's case says."""
    found = []
    selection = Selection(checks=("search",), cases=(outcome.case,))
    spec = registry.get("mine").describe()
    Suite(selection, Inline(), Answers(0), found.extend).run([spec], 1)
    return found[0]


def planted(x):
    gap = x.max(axis=-1, keepdims=True) - x
    e = np.exp(-gap.astype(np.float64))
    e = np.where((gap > 11.0905) & (gap < 11.12), e * (1 + 2.0**-9), e)
    return (e / e.sum(axis=-1, keepdims=True)).astype(x.dtype)


def test_an_error_near_one_gap_is_found_and_shrunk_to_a_row_of_two():
    (outcome,) = searched(planted)
    assert outcome.status is Status.FAIL
    assert outcome.max_ulp > 1000
    case = cases.parse(outcome.case)
    assert case.regime == "values"
    assert case.n <= 2
    assert 11.0905 < abs(case.values[0] - case.values[-1]) < 11.12
    assert (outcome.check, outcome.coverage) == ("search", "sampled")
    assert "searched" in outcome.message
    assert "largest error" in outcome.message


def test_a_backend_that_is_wrong_at_some_lengths_alone_is_shrunk_to_the_shortest_of_them():
    def wrong_tail(x):
        return stable(x) * np.float32(1.01 if x.shape[-1] % 8 == 7 else 1.0)

    (outcome,) = searched(wrong_tail, elements=3_000_000)
    assert outcome.status is Status.FAIL
    assert outcome.n == 7


def test_the_guided_search_finds_several_times_the_error_of_random_sampling():
    def summed_in_order(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / np.add.accumulate(e, axis=-1)[..., -1:]

    def worst(*, guided):
        def ask(text):
            x = cases.parse(text).build()
            with np.errstate(all="ignore"):
                return Reply(kind="answer", outputs=(summed_in_order(x),))

        asker = Asker(ask, "softmax", "float32", -1, Claims())
        hunt = Hunt(asker, "float32", 0, longest=4096, batch=1 << 15)
        while not guided and hunt.elements < 1_000_000:
            hunt.sample()
        hunt.run(Budget(elements=1_000_000))
        return hunt.history[-1][1]

    assert worst(guided=True) > 3 * worst(guided=False)


def test_the_same_seed_and_number_of_elements_ask_for_the_same_rows():
    def asked(seed):
        texts = []

        def ask(text):
            texts.append(text)
            with np.errstate(all="ignore"):
                return Reply(kind="answer", outputs=(stable(cases.parse(text).build()),))

        asker = Asker(ask, "softmax", "float32", -1, Claims())
        Hunt(asker, "float32", seed, longest=512, batch=4096).run(Budget(elements=100_000))
        return texts

    first = asked(3)
    assert len(first) > 12
    assert asked(3) == first
    assert asked(4) != first


def test_a_claim_that_the_worst_row_breaks_is_still_broken_by_the_shrunk_one():
    (outcome,) = searched(stable, elements=400_000, claims=Claims(max_ulp=20))
    assert outcome.status is Status.FAIL
    assert "claimed max_ulp=20" in outcome.message


def test_a_row_that_makes_the_backend_raise_is_cornered():
    def picky(x):
        if (x == x.max(axis=-1, keepdims=True)).sum(axis=-1).max() > 40:
            raise IndexError("too many ties")
        return stable(x)

    (outcome,) = searched(picky)
    assert outcome.status is Status.FAIL
    assert "IndexError: too many ties" in outcome.message
    case = cases.parse(outcome.case)
    assert case.rows == 1
    assert "raised" in searched_again(outcome).message


def test_a_result_of_another_shape_is_an_outcome():
    (outcome,) = searched(lambda x: stable(x)[..., :1])
    assert outcome.status is Status.FAIL
    assert "shape" in outcome.message


def test_a_dtype_that_is_not_offered_is_skipped_and_one_that_is_done_is_not_searched_again():
    outcomes = searched(
        stable, elements=1, dtypes=("float64", "float32"), done={("mine", "float32", -1)}
    )
    assert [(o.dtype, o.status) for o in outcomes] == [("float64", Status.SKIP)]


def test_both_memory_orders_are_searched_where_an_axis_is_taken():
    def along(x, axis=-1):
        return np.moveaxis(stable(np.moveaxis(x, axis, -1)), -1, axis)

    outcomes = searched(along, elements=200_000)
    assert [o.axis for o in outcomes] == [-1, 0]
    assert len(outcomes[1].shape) == 2
    assert outcomes[1].shape[1] > 1
    assert "--check axes" in outcomes[1].replay


def test_fp8_is_searched_at_the_references_speed():
    (outcome,) = searched(
        lambda x: stable(x.astype(np.float32)).astype(x.dtype),
        elements=8192,
        dtypes=("float8_e5m2",),
        offered=("float8_e5m2",),
    )
    assert outcome.count


def test_shrinking_keeps_the_error_and_makes_the_row_short_flat_and_round():
    def asks(rows):
        bad = ((rows > 3.0) & (rows < 3.3)).any(axis=1) & (rows.shape[1] >= 5)
        return Scores(np.where(bad, 100.0, 1.0), np.zeros(len(rows)), rows.argmax(axis=1))

    row = np.random.default_rng(0).normal(0.0, 1.0, 3000).astype(np.float32)
    row[1234] = 3.1415927
    row[np.arange(3000) != 1234] = np.minimum(row[np.arange(3000) != 1234], 2.9)
    shrunk = Shrinker(asks, format_of("float32"), lambda s: s.ulp >= 90).shrink(row)
    assert len(shrunk) == 5
    assert set(shrunk.tolist()) <= {0.0, 3.125, 3.25}


def test_a_corpus_is_read_back_and_its_broken_lines_are_named(tmp_path):
    path = tmp_path / "worst.jsonl"
    assert corpus.read(path) == corpus.Corpus()
    (outcome,) = searched(planted)
    path.write_bytes(
        b'{"case": "softmax/float32/2/values/x=0.0,-1.0", "note": "by hand"}\n\n'
        b'not JSON\n{"case": "softmux/float32/3/uniform"}\n'
        b'{"case": "softmax/float32/3/unifrom"}\n\xff\xfe\n'
        b'{"case": "softmax/float32/2/values/x=0.'
    )
    corpus.add(path, outcome)
    corpus.add(path, outcome)
    read = corpus.read(path)
    assert [str(case) for case in read.cases] == [
        "softmax/float32/2/values/x=0.0,-1.0",
        outcome.case,
    ]
    assert [line.number for line in read.broken] == [3, 4, 5, 6, 7]
    assert "uniform" in read.broken[2].reason
    assert json.loads(path.read_text(errors="replace").splitlines()[-1])["backend"] == "mine"


def test_a_search_starts_from_the_corpus():
    known = cases.parse("softmax/float32/2/values/x=0.0,-11.109375")
    (outcome,) = searched(planted, elements=1, corpus=corpus.Corpus((known,)))
    assert outcome.status is Status.FAIL
    assert outcome.max_ulp > 1000


@pytest.fixture(scope="module")
def searched_plugin(tmp_path_factory):
    """Search the planted plugin from outside; return what the run wrote."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "planted.py").write_text(PLANTED, encoding="utf-8")
    (folder / "worst.jsonl").write_text('{"case": 7}\n')
    words = (
        *("--plugin", folder / "planted.py", "--check", "search", "--dtype", "float32"),
        *("--seconds", 3, "--corpus", folder / "worst.jsonl"),
        *("--store", folder / "results.db", "--output", folder / "out.json"),
    )
    return folder, command("-m", "verify", *words)


def command(*words):
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_the_command_finds_it_names_the_broken_line_and_its_replay_line_repeats_it(
    searched_plugin, tmp_path
):
    folder, done = searched_plugin
    assert done.returncode == 1, done.stdout + done.stderr
    assert "worst.jsonl, line 1, passed over" in done.stderr
    (outcome,) = json.loads((folder / "out.json").read_text())["outcomes"]
    python, *words = shlex.split(outcome["replay"])
    assert python == "python"
    again = command(*words, "--store", tmp_path / "s.db", "--output", tmp_path / "again.json")
    assert again.returncode == 1, again.stdout + again.stderr
    (repeated,) = json.loads((tmp_path / "again.json").read_text())["outcomes"]
    assert repeated["case"] == outcome["case"]
    assert repeated["max_ulp"] == outcome["max_ulp"] > 1000
    kept = json.loads((folder / "worst.jsonl").read_text().splitlines()[1])
    assert kept["case"] == outcome["case"]


def test_the_list_shows_the_search_as_asked_for_and_a_corpus_that_cannot_be_kept_is_refused(
    tmp_path,
):
    listed = command("-m", "verify", "--list").stdout
    assert "search " in listed
    assert "only if asked for" in listed
    done = command(
        *("-m", "verify", "numpy_stable", "--check", "search"),
        *("--corpus", tmp_path / "no" / "such" / "folder", "--store", tmp_path / "s.db"),
    )
    assert done.returncode == 2
    assert "--corpus" in done.stderr
