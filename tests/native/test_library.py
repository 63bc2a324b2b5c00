"""What is wrong with a library is said before any of its code runs; what it says is held to."""

import contextlib
import re
import shutil
import struct

import numpy as np
import pytest

import backends
from backends import PluginError
from backends.native import elf
from backends.native.interface import HEADER, SYMBOLS, parameters
from backends.operations import INPUTS, operation

SOFTMAX = "#include <softmark.h>\nvoid softmax_{}(const {} *x, {} *y, int64_t rows, int64_t cols)\n"
BODY = "{ for (int64_t i = 0; i < rows * cols; i++) y[i] = x[i]; }\n"


def softmax(suffix="f32", of="float"):
    return SOFTMAX.format(suffix, of, of) + BODY


def test_the_header_declares_every_function_as_it_is_called():
    text = re.sub(r"/\*.*?\*/|\\\n", "", HEADER.read_text(), flags=re.DOTALL)
    found = dict(re.findall(r"SOFTMARK_EXPORT void (\w+)_##F\(\s*([^)]*)\)", text))
    assert set(found) == {name for name, _ in SYMBOLS.values()}
    for name, said in found.items():
        own = operation(name)
        types = {"float": "const T *", "index": "const int64_t *"}
        expected = [types[INPUTS[each].kind] + each for each in own.inputs]
        expected += ["T *y", "int64_t rows", "int64_t cols"]
        expected += ["int64_t count"] * ("sampled" in own.inputs)
        expected += [f"int64_t {each}" for each in parameters(own)]
        assert re.split(r",\s*", said) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("float softmax_float(float x) { return x; }", r"softmax_float: is that softmax_f32\?"),
        ("float other(float x) { return x; }", r"it exports other.*Looked for softmax_f64, soft"),
        (
            softmax().replace("softmax_f32", "_Z11softmax_f32PKfPfll"),
            r'_Z11softmax_f32PKfPfll is softmax_f32 under a mangled name.*extern "C"',
        ),
        (
            '__attribute__((visibility("hidden")))\n'
            + softmax().removeprefix("#include <softmark.h>\n").replace("int64_t", "long"),
            "has softmax_f32 and does not export it",
        ),
        ("int PyInit_mine(void) { return 0; }", "a Python extension module, mine"),
        (softmax() + "void missing(void);\nvoid f(void) { missing(); }", "it wants missing"),
    ],
)
def test_a_library_without_our_functions_is_told_what_was_found(build, text, said):
    with pytest.raises(PluginError, match=said) as raised:
        backends.load_plugin(build(text))
    assert "libmine.so" in str(raised.value)


def test_a_library_of_another_machine_is_refused_by_its_header(build):
    path = build(softmax())
    content = bytearray(path.read_bytes())
    machine = 183 if struct.unpack_from("<H", content, 18)[0] == 62 else 62
    content[18:20] = struct.pack("<H", machine)
    path.write_bytes(content)
    with pytest.raises(PluginError, match=r"built for another machine \((aarch64|x86_64), 64 bits"):
        backends.load_plugin(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello", "no ELF file"),
        (b"MZ\x90\0", "made for Windows"),
        (b"!<arch>\nmine.o/", "a static archive"),
        (b"\x7fELF", "damaged"),
        (b"\x7fELF\x02\x01\x01" + b"\xff" * 57, "damaged"),
    ],
)
def test_a_file_that_is_no_library_is_told_what_it_is(compiler, tmp_path, content, said):
    del compiler  # on Linux only
    path = tmp_path / "libmine.so"
    path.write_bytes(content)
    with pytest.raises(PluginError, match=said):
        backends.load_plugin(path)


def test_no_damage_to_a_library_s_tables_is_more_than_a_value_error(build):
    content = build(softmax()).read_bytes()
    assert "softmax_f32" in elf.read(content).exported
    generator = np.random.default_rng(0)
    at = struct.unpack_from("<Q", content, 40)[0]  # the section headers
    for _ in range(300):
        spoilt = bytearray(content[: generator.integers(20, len(content) + 1)])
        for _ in range(4):
            spoilt[int(generator.choice([16, 40, at]) + generator.integers(24)) % len(spoilt)] ^= (
                255
            )
        with contextlib.suppress(ValueError):  # and nothing else
            elf.read(bytes(spoilt))


def test_what_a_library_says_of_itself_becomes_its_name_line_and_claims(build):
    said = 'SOFTMARK_BACKEND({"name": "zz_said", "doc": "A line.", "claims": {"max_ulp": 2}})\n'
    assert backends.load_plugin(build(softmax() + said)) == ["zz_said"]
    spec = backends.get("zz_said").describe()
    assert (spec.doc, spec.claims.max_ulp) == ("A line.", 2.0)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ('[] = "{]"', "holds no JSON"),
        ('[] = "[1]"', "give a JSON object with any of name, doc, claims"),
        ('[] = "{\\"nam\\": 1}"', "did you mean 'name'"),
        ('[] = "{\\"name\\": 1}"', "give a text"),
        ('[] = "{\\"name\\": \\"a b\\"}"', "no backend name"),
        ('[] = "{\\"claims\\": {\\"max_ulps\\": 1}}"', "did you mean 'max_ulp'"),
        ('[] = "{\\"claims\\": {\\"max_ulp\\": -1}}"', "positive, finite"),
    ],
)
def test_what_a_library_says_wrongly_is_refused_with_what_is_valid(build, said, message):
    library = build(
        f"{softmax()}extern const char softmark_backend[];\nconst char softmark_backend{said};\n"
    )
    with pytest.raises(PluginError, match=message):
        backends.load_plugin(library)


def test_a_pointer_for_an_array_is_told_apart_from_bad_json(build):
    library = build(softmax() + 'const char *softmark_backend = "{}";\n')
    with pytest.raises(PluginError, match="declare an array"):
        backends.load_plugin(library)


def test_operations_of_other_formats_are_a_backend_of_their_own(build):
    library = build(
        softmax() + softmax("f64", "double").replace("softmax", "logsumexp"), "libtwo.so.1"
    )
    assert backends.load_plugin(library) == ["two", "two.logsumexp"]
    assert backends.get("two").dtypes == ("float32",)
    assert backends.get("two.logsumexp").dtypes == ("float64",)


def test_a_python_file_beside_it_and_a_copy_of_the_library_are_plugins_of_their_own(build):
    library = build(softmax())
    copy = shutil.copy(library, library.with_name("other.so"))
    assert backends.load_plugin(library) == ["mine"]
    assert backends.load_plugin(copy) == ["other"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_16_bit_function_gets_the_bits(build, dtype):
    suffix = {"float16": "f16", "bfloat16": "bf16"}[dtype]
    backends.load_plugin(build(softmax(suffix, "uint16_t")))
    from backends.formats import format_of

    x = np.array([[1.5, -2.0]]).astype(format_of(dtype).numpy_dtype)
    assert backends.get("mine").softmax(x).tobytes() == x.tobytes()


def test_views_and_foreign_byte_orders_are_copied_in_the_call_and_no_axis_is_taken(build):
    backends.load_plugin(build(softmax()))
    mine = backends.get("mine")
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    for view in (x[:, ::2], x.T, x[::-1], x.astype(">f4"), x[2, 3], x[:0], x[:, :0]):
        call = mine.bind("softmax", view)
        assert np.array_equal(call(), view)
    view = x[:, ::2]
    call = mine.bind("softmax", view)
    x += 1
    assert np.array_equal(call(), view)
    out = np.empty((6, 4), np.float32).T
    assert np.array_equal(mine.bind("softmax", x, out=out)(), x)
    assert mine.bind("softmax", x, out=x)() is x
    assert mine.parameters("softmax") == ()
    with pytest.raises(backends.UnsupportedParameter, match="axis"):
        mine.softmax(x, axis=0)


def test_a_bound_call_keeps_its_arrays_alive(build):
    backends.load_plugin(build(softmax()))
    call = backends.get("mine").bind("softmax", np.full((1, 1 << 16), 3, np.float32))
    np.full((1, 1 << 16), 5, np.float32)  # would take the memory of a freed input
    assert np.array_equal(call(), np.full((1, 1 << 16), 3, np.float32))
