"""What the conformance tests of the built-in backends have in common."""

import pytest

import backends


@pytest.fixture
def backend(name, request):
    """Return the backend of that name, or skip the test with the reason why it cannot run here."""
    found = backends.get(name)
    if found.unavailable() is not None:
        pytest.skip(found.unavailable())
    dtype = request.node.callspec.params.get("dtype")
    if isinstance(dtype, str) and dtype not in found.dtypes:
        pytest.skip(f"{name} does not take {dtype}")
    return found
