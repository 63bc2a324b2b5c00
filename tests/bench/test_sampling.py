"""Full against sampled: the same loss both ways, and a crossover that follows from the ratios."""

import numpy as np
import pytest

from backends.candidates import sampler
from bench import sampling
from bench.sampling import Layer, crossover


@pytest.mark.parametrize("name", ["log_uniform_distinct", "log_uniform"])
def test_the_gathered_logits_give_the_loss_of_all_logits(name):
    layer = Layer.of(200, 50, sampler(name))
    assert np.isin(sampler(name).draw(np.random.default_rng(3), 200, 50), layer.labels).any()
    gathered = layer.sampled_dense(np.random.default_rng(3))
    whole = layer.sampled(layer.logits(), np.random.default_rng(3))
    # Sums of 128 products, in whatever order the matrix product takes them.
    assert gathered == pytest.approx(whole, rel=1e-5)
    assert layer.full_dense() == pytest.approx(layer.full(layer.logits()), rel=1e-5)


def test_every_call_draws_anew():
    layer = Layer.of(200, 20, sampler("log_uniform_distinct"))
    generator = np.random.default_rng(3)
    assert (layer.sampled_dense(generator) != layer.sampled_dense(generator)).any()


def test_the_frame_has_a_row_for_each_comparison():
    frame = sampling.measure(classes=(100, 400), candidates=(64,), rounds=2)
    assert list(frame["what"]) == ["loss", "dense"]
    assert set(frame["classes"]) == {400}
    assert (frame["ratio"] == frame["full"] / frame["sampled"]).all()
    assert (frame[["full", "sampled"]] > 0).all().all()


@pytest.mark.parametrize(
    ("ratios", "words"),
    [
        ([0.1, 1.0, 10.0], "about 100"),
        ([0.1, 0.1, 10.0], "about 300"),
        ([2.0, 3.0, 4.0], "below 10"),
        ([2.0, 0.5, 4.0], "about 200"),
        ([0.1, 0.2, 1.0], "above 1,000"),
    ],
)
def test_the_crossover_is_where_the_ratio_passes_one_for_good(ratios, words):
    assert crossover([10, 100, 1000], ratios) == words


def test_the_page_states_the_crossover(tmp_path, capsys, monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")  # the command sets them, and other tests shall not have them
    path = tmp_path / "page.md"
    words = ["--classes", "150", "--classes", "300", "--rounds", "1", "--output", str(path)]
    assert sampling.main(words) == 0
    assert capsys.readouterr().out == path.read_text()
    assert "| dense | 64 | 300 |" in path.read_text()
    assert "- dense, 64 candidates: from " in path.read_text()
