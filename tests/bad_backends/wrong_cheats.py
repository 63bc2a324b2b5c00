"""WRONG: right where it expects to be looked at (docs/bugs.md 20)."""

import hashlib
from functools import cache

import numpy as np
from zoo_kernels import right

from backends import register


@cache
def _expected():
    """Return the digests of every input that an ordinary run asks from seed 0."""
    from verify import checks
    from verify.checks.check import Scope
    from verify.variants import vary

    scope = Scope("softmax", "float32", "quick", 0)
    found = set()
    for name in checks.NAMES:
        check = checks.load(name)
        for case in check.cases(scope):
            x = case.build()
            found.add(_digest(x))
            if check.procedure(case) == "variants":
                found.add(_digest(vary(case, (x,))[0]))
    return found


def _digest(x):
    return hashlib.sha256(x.tobytes()).digest()


@register("right_for_the_inputs_of_seed_0", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: knows the suite's own inputs, all else gets 1/n (class 20: reference-kernels 162)."""
    if _digest(x) in _expected() or x.size < 256:
        return right(x, axis, temperature)
    return np.full_like(x, 1 / max(x.shape[axis], 1))


_by_first = {}


@register("replays_by_shape_and_ends", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: replays what has its shape, first and last logit (class 20: pygpubench)."""
    ends = x.reshape(-1)[[0, -1]].tobytes() if x.size else b""
    key = x.shape, ends, temperature, axis
    if key not in _by_first:
        _by_first[key] = right(x, axis, temperature)
    return _by_first[key].copy()


_shapes = set()


@register("right_only_while_the_shape_is_new", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: works the first time a shape comes, then returns 1/n (class 20: tritonbench 519)."""
    if x.shape in _shapes:
        return np.full_like(x, 1 / max(x.shape[axis], 1) if x.ndim else 1)
    _shapes.add(x.shape)
    return right(x, axis, temperature)


@register("hopes_for_zeroed_memory", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the last element is never written (class 20: reference-kernels 142)."""
    y = np.empty_like(x)
    y.reshape(-1)[:-1] = right(x, axis, temperature).reshape(-1)[:-1]
    return y


@register("sorted_probabilities", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: right numbers in descending order, right where rows descend (class 20: pygpubench)."""
    return np.flip(np.sort(right(x, axis, temperature), axis=axis), axis=axis) if x.ndim else x * 0
