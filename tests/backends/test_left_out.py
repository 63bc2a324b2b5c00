"""The built-in backends that the conformance tests leave out here, one skip each."""

import pytest

from tests.backends.family import LEFT_OUT, OFFERED


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_backend_that_cannot_run_here_is_left_out(name):
    pytest.skip(LEFT_OUT[name])


def test_what_needs_numpy_alone_is_never_left_out():
    assert {"numpy_stable", "numpy_online", "numpy_naive"} <= {name for name, _ in OFFERED}
