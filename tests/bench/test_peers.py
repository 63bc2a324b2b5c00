"""`--against peers`: one run, a grid of ratios and errors, and the peers that are not there."""

import pytest
from click.testing import CliRunner

from bench import peer_table, peers
from bench.__main__ import command
from bench.plan import Here, Selection
from reports.records import Measurement
from verify.choosing import Unusable


def timing(backend, median, dtype="float32", shape=(4096, 1000), **changes):
    words = {
        "operation": "softmax",
        "axis": -1,
        "device": "cpu",
        "threads": 2,
        "cache": "warm",
        "rounds": 9,
        "minimum": median,
        "mean": median,
        "stddev": 0.0,
        "iqr": 0.0,
        "bytes_moved": 8,
        "bandwidth": 8 / median,
        "max_ulp": 1.5,
        "verified": True,
        **changes,
    }
    return Measurement(backend=backend, median=median, dtype=dtype, shape=shape, **words)


def test_each_row_names_the_best_peer_and_all_ratios_and_errors():
    run = [
        timing("mine", 2e-3),
        timing("slow", 8e-3, max_ulp=6.75),
        timing("close", 3e-3, max_ulp=300.0, verified=False),
    ]
    (row,) = peer_table.grid(run, "mine", ["slow", "close"]).to_dict("records")
    assert row["mine, µs"] == "2000 (1.5)"
    assert (row["best peer"], row["×"], row["ratio"]) == ("close", "1.50", pytest.approx(1.5))
    assert (row["slow"], row["close"]) == ("4.00 (6.75)", "1.50 (300!)")


def test_formats_have_their_geometric_mean_and_their_least_ratio():
    run = [
        *(timing("mine", 1e-3), timing("other", 4e-3)),
        *(timing("mine", 1e-3, shape=(5, 7)), timing("other", 0.25e-3, shape=(5, 7))),
        *(timing("mine", 1e-3, dtype="float16"), timing("other", 3e-3, dtype="float16")),
    ]
    text = peer_table.table(run, "mine", ["other"])
    assert "softmax float32: 1.00× in the geometric mean of 2, least 0.25× (5x7, other)" in text
    assert "softmax float16: 3.00× in the geometric mean of 1" in text


def test_what_only_one_side_was_timed_on_is_no_row():
    run = [timing("mine", 1e-3), timing("other", 1e-3, dtype="float16")]
    assert peer_table.grid(run, "mine", ["other"]).empty
    assert "nothing was timed beside a peer" in peer_table.table(run, "mine", ["other"])


def test_without_further_words_it_is_the_grid_of_the_fast_kernels():
    field = peers.field(Selection(), Here())
    assert field.contenders == (peers.CONTENDER,)
    assert {trial.dtype for trial in field.plan.trials} == set(peers.DTYPES)
    assert len({trial.workload.shape for trial in field.plan.trials}) == len(peers.SHAPES)
    assert set(field.peers) <= set(peers.PEERS)
    # Every peer is either timed, or does not offer softmax, or is left out with a reason.
    left = {line.partition(":")[0] for line in field.left_out}
    gradients = {"torch_autograd", "jax_grad"}
    assert left | set(field.peers) | gradients == set(peers.PEERS)


def test_a_peer_can_be_held_against_the_others():
    field = peers.field(Selection(names=("torch_eager",), dtypes=("float32",)), Here())
    assert field.contenders == ("torch_eager",)
    assert "torch_eager" not in field.peers


def test_without_any_peer_the_reasons_are_given(monkeypatch):
    monkeypatch.setattr(peers, "_available", lambda _: ((), ("jax_jit: not installed",)))
    with pytest.raises(Unusable, match=r"none is available here\njax_jit: not installed"):
        peers.field(Selection(), Here())


def test_one_run_times_a_plugin_and_a_peer_and_shows_the_grid(
    monkeypatch, stored, plugin, tmp_path
):
    monkeypatch.setattr(peers, "PEERS", ("numpy_stable",))  # all of them would take half a minute
    words = ["fine", "--plugin", plugin, "--against", "peers", "--shape", "9x50"]
    words += ["--dtype", "float32", "--store", tmp_path / "bench.db"]
    done = CliRunner().invoke(command, [*map(str, words)])
    _, _, measurements = stored()
    assert "fine against its peers" in done.output, done.output
    errors = {item.backend: item.max_ulp for item in measurements}
    assert errors.keys() == {"fine", "numpy_stable"}
    assert all(0.5 < error < 50 for error in errors.values())


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--fail-below", "0.9"], "--fail-below needs a duel"),
        (["--first-call"], "drop --first-call"),
    ],
)
def test_options_that_would_go_unheeded_are_refused(words, answer):
    done = CliRunner().invoke(command, ["--against", "peers", *words])
    assert done.exit_code == 2
    assert answer in done.output
