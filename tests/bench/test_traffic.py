"""Bytes and exponentials are counted as the definitions have them."""

import pytest

from bench.traffic import algorithm_bytes, traffic


@pytest.mark.parametrize(("dtype", "size"), [("float64", 8), ("float32", 4), ("bfloat16", 2)])
def test_the_least_that_must_be_moved_is_one_read_and_one_write(dtype, size):
    least = traffic("softmax", (4, 1000), dtype)
    assert (least.reads, least.writes, least.bytes) == (4000 * size, 4000 * size, 8000 * size)
    assert (least.pattern, least.exponentials) == ("copy", 4000)


@pytest.mark.parametrize(
    ("operation", "reads", "writes", "pattern"),
    [
        ("log_softmax", 160, 160, "copy"),
        ("sigmoid", 160, 160, "copy"),
        ("logsumexp", 160, 16, "read"),
        ("cross_entropy", 160 + 4 * 8, 16, "read"),
        ("cross_entropy_grad", 160 + 4 * 8, 160, "copy"),
        ("softmax_vjp", 320, 160, "two reads, one write"),
        ("softmax_jacobian", 160, 1600, "fill"),
    ],
)
def test_every_input_is_read_once_and_the_result_written_once(operation, reads, writes, pattern):
    least = traffic(operation, (4, 10), "float32")
    assert (least.reads, least.writes, least.pattern) == (reads, writes, pattern)


def test_rows_are_counted_along_the_axis_that_is_asked_for():
    assert traffic("logsumexp", (4, 10), "float32", axis=0).writes == 10 * 4


@pytest.mark.parametrize(
    ("algorithm", "times"), [("shifted", 5), ("unshifted", 4), ("online", 3), ("two_pass", 3)]
)
def test_an_algorithm_moves_the_array_as_often_as_it_passes_over_it(algorithm, times):
    assert algorithm_bytes("softmax", (4, 10), "float32", algorithm) == times * 160


def test_a_pass_that_writes_one_number_a_row_moves_the_logits_alone():
    assert algorithm_bytes("logsumexp", (4, 10), "float32", "shifted") == 2 * 160


def test_of_an_algorithm_without_known_passes_nothing_is_said():
    assert algorithm_bytes("softmax", (4, 10), "float32", "another") is None
