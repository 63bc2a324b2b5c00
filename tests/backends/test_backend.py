"""A backend bound and called: what is passed, what is refused, what is reused."""

import json

import numpy as np
import pytest

import backends
from backends import BackendSpec, UnsupportedInput, UnsupportedParameter, register
from backends.registry import isolated
from backends.vocabulary import DTYPES


@pytest.fixture(autouse=True)
def _forget_what_a_test_registers():
    with isolated():
        yield


@pytest.fixture
def x():
    return np.arange(6.0).reshape(2, 3)


def registered(function, **facts):
    register("zz_mine", **facts)(function)
    return backends.get("zz_mine")


def test_a_parameter_is_offered_if_it_stands_in_the_signature(x):
    def softmax(x, *, axis=-1):
        return x + axis

    backend = registered(softmax)
    assert backend.parameters("softmax") == ("axis",)
    assert (backend.bind("softmax", x, axis=1)() == x + 1).all()
    assert (backend.softmax(x, temperature=1.0) == x - 1).all()
    with pytest.raises(UnsupportedParameter, match=r"does not take 'temperature'.*test_backend"):
        backend.bind("softmax", x, temperature=2.0)


def test_a_function_without_axis_takes_the_default_one_only(x):
    def softmax(x):
        return x

    backend = registered(softmax)
    assert backend.parameters("softmax") == ()
    assert backend.bind("softmax", x, axis=-1)() is x
    with pytest.raises(UnsupportedParameter, match="does not take 'axis'"):
        backend.bind("softmax", x, axis=0)


def test_the_last_axis_counted_from_the_front_is_the_default_one_too(x):
    def softmax(x):
        return x

    assert registered(softmax).bind("softmax", x, axis=1)() is x


def test_a_function_that_takes_anything_offers_everything(x):
    def softmax(x, **parameters):
        return len(x), parameters

    assert registered(softmax).bind("softmax", x)() == (2, {"axis": -1, "temperature": 1.0})


def test_an_unknown_parameter_is_named_with_the_nearest_one(x):
    with pytest.raises(UnsupportedParameter, match="no parameter 'temprature'; did you mean"):
        backends.get("numpy_stable").softmax(x, temprature=2)


def test_a_bound_call_reuses_one_contiguous_output(x):
    def softmax(x, out=None):
        out[...] = x

    call = registered(softmax).bind("softmax", x.T)
    first = call()
    assert first is call()
    assert first.flags.c_contiguous
    assert (first == x.T).all()


def test_a_bound_call_writes_to_the_output_it_is_given(x):
    def softmax(x, out=None):
        out[...] = x
        return out

    backend = registered(softmax)
    out = np.empty_like(x)
    assert backend.takes_out("softmax")
    assert backend.bind("softmax", x, out=out)() is out
    assert out.tobytes() == x.tobytes()


def test_an_output_for_a_function_that_takes_none_is_refused_with_the_next_step(x):
    def softmax(x):
        return x.copy()

    backend = registered(softmax)
    assert not backend.takes_out("softmax")
    with pytest.raises(UnsupportedParameter, match="takes no 'out'"):
        backend.bind("softmax", x, out=np.empty_like(x))


def test_a_direct_call_allocates_an_output_that_the_function_insists_on(x):
    def softmax(x, out):
        out[...] = x

    backend = registered(softmax)
    first, second = backend.softmax(x), backend.softmax(x)
    assert (first == x).all()
    assert not np.shares_memory(first, second)


def test_a_class_is_instantiated_on_first_use_and_may_bind_itself(x):
    made = []

    class Mine:
        def __init__(self):
            made.append(self)

        def softmax(self, x, *, axis=-1):
            return x + axis

        def bind_softmax(self, x, *, axis):
            return lambda: ("bound", len(x), axis)

    backend = registered(Mine)
    assert backend.operation_names == ("softmax",)
    assert backend.describe().operations == {"softmax": ("axis",)}
    assert made == []
    assert backend.bind("softmax", x, axis=0)() == ("bound", 2, 0)
    assert (backend.softmax(x) == x - 1).all()
    assert len(made) == 1


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_a_method_of_a_class_may_be_static_or_of_the_class(x, kind):
    def softmax(*arguments):
        return arguments[-1]

    backend = registered(type("Mine", (), {"softmax": kind(softmax)}))
    assert backend.bind("softmax", x)() is x


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.arange(3), "does not take int64; it takes float64, float32"),
        (np.array([1.0, None]), "does not take object"),
        ([1.0, 2.0], "takes NumPy arrays, not list"),
    ],
)
def test_an_input_of_another_kind_or_dtype_is_refused(given, said):
    with pytest.raises(UnsupportedInput, match=said):
        backends.get("numpy_stable").softmax(given)


def test_the_number_of_arrays_must_be_the_operations():
    with pytest.raises(UnsupportedInput, match="takes x: 0 arrays were given"):
        backends.get("numpy_stable").bind("softmax")


def test_an_unknown_operation_is_named_with_the_nearest_one(x):
    with pytest.raises(backends.UnknownOperation, match="did you mean 'softmax'"):
        backends.get("numpy_stable").bind("sotfmax", x)
    with pytest.raises(AttributeError, match="has no 'sotfmax'"):
        _ = backends.get("numpy_stable").sotfmax


@pytest.mark.parametrize(
    ("requires", "line"),
    [
        (["zz_no_such_library"], "pip install zz_no_such_library"),
        (["scipy", "zz_none"], "pip install zz_none"),
        (["zz_none.inner"], "pip install zz_none.inner"),
    ],
)
def test_a_missing_library_makes_it_unavailable_with_the_pip_line(x, requires, line):
    def softmax(x):
        return x

    backend = registered(softmax, requires=requires)
    assert line in backend.unavailable()
    assert backend.describe().unavailable == backend.unavailable()
    with pytest.raises(backends.BackendUnavailable, match=line):
        backend.softmax(x)


def test_a_library_with_an_extra_is_installed_by_the_extra():
    from backends.availability import pip_line

    assert pip_line(["jax", "sklearn"]) == 'pip install "softmark[jax,sklearn]"'


def test_every_spec_survives_json():
    for source in backends.sources().values():
        for spec in backends.describe(source):
            assert BackendSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_the_words_for_dtypes_are_the_formats():
    from backends import formats

    assert set(formats.FORMATS) == set(DTYPES)


def test_every_exported_name_exists():
    for name in backends.__all__:
        assert getattr(backends, name) is not None
    assert set(backends.__all__) <= set(dir(backends))
