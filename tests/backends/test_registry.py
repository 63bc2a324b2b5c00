"""Names: registered once, spelt right, found with help."""

import pytest

import backends
from backends import Claims, DuplicateBackend, RegistrationError, register
from backends.registry import isolated


@pytest.fixture(autouse=True)
def _forget_what_a_test_registers():
    with isolated():
        yield


def test_every_builtin_registers_its_file_stem_and_nothing_else():
    for name, source in backends.sources().items():
        if source.kind == "builtin":
            assert [spec.name for spec in backends.describe(source)] == [name]


def test_names_are_listed_read_only_and_include_plugins():
    @register("zz_mine")
    def softmax(x):
        return x

    assert isinstance(backends.names(), tuple)
    assert {"numpy_naive", "torch_eager", "zz_mine"} <= set(backends.names())
    assert backends.get("zz_mine").softmax.func is not None


def test_registering_returns_the_function_unchanged():
    def softmax(x):
        return x

    assert register("zz_mine")(softmax) is softmax


def test_a_duplicate_names_both_places():
    def softmax(x):
        return x

    register("zz_mine")(softmax)
    with pytest.raises(DuplicateBackend, match=r"(?s)twice: .*test_registry.*and .*test_registry"):
        register("zz_mine")(softmax)


def test_a_builtin_name_is_taken_even_before_it_is_imported():
    def softmax(x):
        return x

    with pytest.raises(DuplicateBackend, match=r"'numba_fast'.*rename"):
        register("numba_fast")(softmax)


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "a\n", "-a", "é", "[red]", None, 3])
def test_a_name_that_needs_quoting_is_refused(name):
    with pytest.raises(RegistrationError, match="is no backend name"):
        register(name)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dtypes": ["flaot32"]}, "unknown dtype 'flaot32'; did you mean 'float32'"),
        ({"dtypes": "float32"}, r"give a list of names"),
        ({"dtypes": []}, "name at least one"),
        ({"dtypes": [float]}, "give a list of names"),
        ({"array": "numppy"}, "unknown array library 'numppy'; did you mean 'numpy'"),
        ({"device": "gpu"}, "unknown device 'gpu'; .*cuda"),
        ({"claims": {"max_ulp": 1}}, r"give a backends.Claims"),
        ({"requires": "scipy"}, "give a list of names"),
    ],
)
def test_an_invalid_word_is_named_with_the_nearest_valid_one(given, said):
    with pytest.raises(RegistrationError, match=said):
        register("zz_mine", **given)


def test_a_function_that_is_named_like_no_operation_is_refused():
    def sofmax(x):
        return x

    with pytest.raises(RegistrationError, match="'sofmax' is none; did you mean 'softmax'"):
        register("zz_mine")(sofmax)


def test_a_class_without_an_operation_is_refused():
    class Empty:
        pass

    with pytest.raises(RegistrationError, match="no method named like an operation"):
        register("zz_mine")(Empty)


def test_a_mandatory_argument_that_no_caller_gives_is_refused():
    def softmax(x, blocks):
        return x, blocks

    with pytest.raises(RegistrationError, match="wants blocks"):
        register("zz_mine")(softmax)


def test_an_unknown_backend_is_named_with_the_nearest_ones():
    with pytest.raises(backends.UnknownBackend, match="did you mean 'numba_fast'") as raised:
        backends.get("numba_fats")
    assert isinstance(raised.value, LookupError)


def test_claims_are_kept():
    claims = Claims(max_ulp=1, algorithm="online")

    @register("zz_mine", dtypes=["float32"], claims=claims)
    def softmax(x):
        """Do little.

        And say more.
        """
        return x

    spec = backends.get("zz_mine").describe()
    assert spec.claims == claims
    assert spec.dtypes == ("float32",)
    assert spec.doc == "Do little."
    assert spec.source.kind == "plugin"
    assert spec.source.location == __file__
