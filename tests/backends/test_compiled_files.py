"""A compiled kernel is found on disk until one of the files changes that it is made of."""

import inspect
import types

import pytest

pytest.importorskip("numba")

from backends.kernels import (
    fast_family,
    fast_narrow,
    fast_narrow_gradients,
    fast_narrow_logs,
    fast_online,
    fast_softmax,
    fast_twopass,
)

KERNELS = [
    (fast_softmax, "softmax", {}),
    (fast_family, "family", {}),
    (fast_online, "online", {}),
    (fast_twopass, "twopass", {}),
    (fast_narrow_gradients, "vjp", {}),
    (fast_narrow_gradients, "grad", {}),
    *((fast_narrow, "softmax", {"folds": folds}) for folds in (False, True)),
    *((fast_narrow_logs, "logs", {"folds": folds}) for folds in (False, True)),
]
HOUSE = "backends.kernels."


def called_by(function):
    """Return what a function refers to: in what it closes over, by name, or in a module's name."""
    words = {*function.__code__.co_names}
    for inner in function.__code__.co_consts:
        words |= {*getattr(inner, "co_names", ())}
    found = [cell.cell_contents for cell in function.__closure__ or ()]
    found += [function.__globals__[word] for word in words if word in function.__globals__]
    for module in [each for each in found if isinstance(each, types.ModuleType)]:
        if module.__name__.startswith(HOUSE):
            found += [vars(module)[word] for word in words if word in vars(module)]
    return found


def files_of(function):
    """Return the files of all functions of ours that a compiled one calls."""
    files, waiting, seen = set(), [function], set()
    while waiting:
        one = waiting.pop()
        one = getattr(one, "py_func", getattr(one, "_defn", one))
        if isinstance(one, types.FunctionType) and one not in seen:
            seen.add(one)
            if one.__module__.startswith(HOUSE):
                files.add(inspect.getsourcefile(one))
                waiting += called_by(one)
    return files


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("module", "name", "options"), KERNELS)
def test_all_files_of_a_kernel_count(monkeypatch, module, name, options, dtype):
    given = []
    monkeypatch.setattr(module, "compiled", lambda *arguments, **_: given.append(arguments))
    getattr(module, name).__wrapped__(dtype, **options)
    ((function, _, modules, *_),) = given
    counted = {inspect.getsourcefile(function), *(each.__file__ for each in modules)}
    missing = files_of(function) - counted
    assert not missing
    assert len(files_of(function)) > 5
