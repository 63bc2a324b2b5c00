"""What every built-in backend refuses: labels, cotangents, candidates, temperatures and axes."""

import numpy as np
import pytest

from tests.backends.family import each_offered, inputs_for, takes

X = np.zeros((2, 3))
WRONG_LABELS = [
    (np.array([0, 3]), IndexError),
    (np.array([-1, 0]), IndexError),
    (np.array([0.0, 1.0]), TypeError),
    (np.array([True, False]), TypeError),
    (np.full((2, 3), 1 / 3), (TypeError, ValueError)),  # probabilities, to some libraries
    (np.array([0, 1, 2]), ValueError),
    (np.array([[0, 1]]), ValueError),
    (np.array(0), ValueError),
]


@each_offered(takes("labels"))
@pytest.mark.parametrize(("labels", "error"), WRONG_LABELS)
def test_labels_that_name_no_class_of_each_row_are_refused(backend, operation, labels, error):
    rest = [np.array([1, 2]), np.zeros(3)] if operation == "sampled_cross_entropy" else []
    with pytest.raises(error, match="label"):
        getattr(backend, operation)(X.astype(backend.dtypes[0]), labels, *rest)


@each_offered(takes("labels"))
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64])
def test_labels_of_every_integer_dtype_mean_the_same(backend, operation, dtype):
    x = np.array([[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]], backend.dtypes[0])
    rest = [np.array([1, 2]), np.zeros(3)] if operation == "sampled_cross_entropy" else []
    want = getattr(backend, operation)(x, np.array([2, 0]), *rest)
    got = getattr(backend, operation)(x, np.array([2, 0], dtype), *rest)
    assert got.tobytes() == want.tobytes()


@each_offered(takes("cotangent"))
@pytest.mark.parametrize(
    ("cotangent", "error"),
    [
        (np.zeros((2, 4)), ValueError),
        (np.zeros(3), ValueError),
        (np.zeros((2, 1)), ValueError),
        (np.zeros((2, 3), np.float32), TypeError),
        (np.zeros((2, 3), int), TypeError),
    ],
)
def test_a_cotangent_of_another_shape_or_dtype_is_refused(backend, operation, cotangent, error):
    with pytest.raises(error, match="cotangent"):
        getattr(backend, operation)(X, cotangent)


@each_offered(takes("sampled"))
@pytest.mark.parametrize(
    ("sampled", "counts", "error"),
    [
        (np.array([[0, 1]]), np.zeros(3), ValueError),
        (np.array(1), np.zeros(3), ValueError),
        (np.array([0.0, 1.0]), np.zeros(3), TypeError),
        (np.array([0, 3]), np.zeros(3), IndexError),
        (np.array([-1]), np.zeros(3), IndexError),
        (np.array([0]), np.zeros(2), ValueError),
        (np.array([0]), np.zeros((1, 3)), ValueError),
        (np.array([0]), np.zeros(3, np.float32), TypeError),
    ],
)
def test_candidates_that_are_no_list_of_classes_are_refused(
    backend, operation, sampled, counts, error
):
    with pytest.raises(error, match=r"sampled|candidate|log_expected_count"):
        getattr(backend, operation)(X, np.array([0, 1]), sampled, counts)


@each_offered(lambda operation: operation == "softmax_jacobian")
def test_a_jacobian_that_would_not_fit_in_memory_is_refused(backend, operation):
    x = np.zeros((7, 10**6), np.float32)
    with pytest.raises(ValueError, match=r"7 rows x 1000000 x 1000000 .* GiB are available"):
        getattr(backend, operation)(x)


@each_offered()
@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf"), "hot", None])
def test_a_temperature_that_is_not_positive_and_finite_is_refused(backend, operation, temperature):
    arrays = inputs_for(operation, backend.dtypes[0], (2, 3))
    with pytest.raises(ValueError, match="give a positive, finite number"):
        getattr(backend, operation)(*arrays, temperature=temperature)


@each_offered(takes("axis"))
@pytest.mark.parametrize("axis", [2, -3, 17])
def test_an_axis_out_of_range_is_refused(backend, operation, axis):
    arrays = inputs_for(operation, backend.dtypes[0], (2, 3))
    with pytest.raises((IndexError, ValueError), match=r"axis|[Dd]imension"):
        getattr(backend, operation)(*arrays, axis=axis)
