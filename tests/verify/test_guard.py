"""Guarded arrays lie where they should, and what happens beside them is told."""

import ctypes
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from backends import registry
from reports.records import Status
from verify import cases, checks, fault_record, fenced_memory, guarded, notes, pages
from verify.answers import Answers
from verify.checks.check import Scope
from verify.pages import PAGE, Guarded, needed

ROOT = Path(__file__).parents[2]
DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("side", ["high", "low"])
def test_every_offset_modulo_64_that_the_dtype_allows_occurs_on_both_sides(side, dtype):
    x = np.zeros((3, 17), dtype)
    fence = guarded.Fence(1)
    distances = guarded.distances(side, x.itemsize)
    starts = {fence.place(x, side, d).ctypes.data % 64 for d in distances}
    first = fence.place(x, side, 0).ctypes.data
    assert starts == {(first + k) % 64 for k in range(0, 64, x.itemsize)}
    assert len(starts) == 64 // x.itemsize


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_array_touches_the_guard_on_its_side(dtype):
    x = np.zeros((3, 17), dtype)
    fence = guarded.Fence(2)
    assert (fence.place(x, "high", 0).ctypes.data + x.nbytes) % PAGE == 0
    assert fence.place(x, "low", 0).ctypes.data % PAGE == 0
    low, start, end, high = fence.guarded()
    assert start - low == pages.GUARD
    assert end - start == x.nbytes
    assert high - low == 2 * PAGE + 2 * pages.GUARD


@pytest.mark.parametrize("dtype", DTYPES)
def test_whatever_lies_beside_an_array_is_nan(dtype):
    fence = guarded.Fence(1)
    assert np.isnan(fence.place(np.zeros(5, dtype), "low", 0).astype(np.float64)).all()


def test_a_write_beside_an_array_is_told_with_its_distance_and_side():
    fence = guarded.Fence(1)
    x = np.zeros(4, np.float32)
    placed = fence.place(x, "low", 32)
    placed[...] = 1
    assert list(fence.trespasses()) == []
    fence._bytes[fence._start - 12] = 0
    fence._bytes[fence._start - 3] = 0
    fence._bytes[fence._start + x.nbytes + 7] = 0
    assert list(fence.trespasses()) == [("before the start of", 12), ("past the end of", 8)]
    fence.place(x, "low", 32)
    assert list(fence.trespasses()) == []


@pytest.mark.parametrize("nbytes", [1, 4000, 4032, 4033, 4096, 9000, 40_000])
def test_an_array_has_room_for_every_distance(nbytes):
    assert needed(nbytes) * PAGE >= nbytes + 64


@pytest.mark.parametrize(
    ("address", "code", "says"),
    [
        (0x5000, 4, "read 1 byte past the end of x"),
        (0x5007, 6, "wrote 8 bytes past the end of x"),
        (0x4EFC, 4, "read 4 bytes before the start of x"),
        (0x4F10, 7, "wrote byte 16 of the read-only memory of x"),
        (0x9003, -1, "accessed 4 bytes past the end of labels"),
    ],
)
def test_the_record_of_a_fault_is_put_into_words_once(tmp_path, address, code, says):
    words = np.zeros(fault_record._WORDS, np.int64)
    words[:3] = 11, address, code
    words[8:16] = [
        *Guarded(0x4000, 0x4F00, 0x5000, 0x6000),
        *Guarded(0x8000, 0x8F00, 0x9000, 0xA000),
    ]
    path = tmp_path / "fault"
    words.tofile(path)
    assert fault_record.told(path) == f": it {says}"
    assert fault_record.told(path) == ""


def test_a_fault_elsewhere_or_no_fault_says_nothing(tmp_path):
    words = np.zeros(fault_record._WORDS, np.int64)
    words[8:12] = Guarded(0x4000, 0x4F00, 0x5000, 0x6000)
    for signal, address in ((0, 0x5000), (11, 0x7000), (11, 0)):
        words[:2] = signal, address
        words.tofile(tmp_path / "fault")
        assert fault_record.told(tmp_path / "fault") == ""
    (tmp_path / "fault").write_bytes(b"half a record")
    assert fault_record.told(tmp_path / "fault") == ""


@pytest.mark.parametrize("name", ["numpy_stable", "numba_fast", "torch_eager"])
@pytest.mark.parametrize("form", ["guard:high", "guard:low", "guard:read_only", "guard:high:12"])
def test_a_backend_gets_the_guarded_arrays_themselves(name, form, monkeypatch):
    seen = []
    backend = registry.get(name)
    case = cases.parse(f"softmax/float32/3x17/normal/form={form}")
    bind = type(backend).bind

    def spied(self, operation, x, *, out=None, **parameters):
        native = [array for array in (x, out) if array is not None]
        seen.append([self.library.to_numpy(array).ctypes.data for array in native])
        return bind(self, operation, x, out=out, **parameters)

    monkeypatch.setattr(type(backend), "bind", spied)
    note, *results = guarded.guarded(backend, case)
    places = {"guard:high": 16, "guard:low": 16}.get(form, 1)
    assert (notes.read(note)["places"], len(seen)) == (places, places)
    assert all(len(each) == (1 if form == "guard:read_only" else 2) for each in seen)
    fences = [guarded.fence(role, 1).pages.address for role in ("x", "the output")]
    for addresses in seen:
        assert all(0 <= a - f < PAGE for a, f in zip(addresses, fences, strict=False))
    verdict = checks.load("guard").judge(case, [note, *results], Answers(0), backend.claims)
    assert verdict.status is Status.PASS


def test_every_vector_tail_is_asked_on_both_sides_and_along_columns():
    asked = list(checks.load("guard").cases(Scope("softmax", "float32", "quick", 0)))
    for side in ("high", "low"):
        widths = {case.n for case in asked if case.form == f"guard:{side}"}
        assert {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 1025} <= widths
        assert any(case.axis == 0 for case in asked if case.form == f"guard:{side}")
    assert any(case.form == "guard:read_only" for case in asked)


def test_numpy_s_own_arrays_are_fenced_during_a_call_and_outlive_it():
    with fenced_memory.fenced() as seen:
        kept = np.full((3, 5), 7.0)
        grown = np.zeros(3)
        grown.resize(600)
        large = np.zeros(1 << 20)
        del large
    assert seen == []
    assert (kept == 7).all()
    assert (grown == 0).all()
    end = kept.ctypes.data + kept.nbytes
    assert (end % PAGE) in (0, PAGE - 8)
    assert kept.ctypes.data % 16 == 0
    plain = np.zeros((3, 5))
    assert plain.ctypes.data + plain.nbytes != end
    del kept, grown


def test_a_write_beside_an_array_of_numpy_s_is_told_whether_it_is_freed_or_kept():
    with fenced_memory.fenced() as seen:
        for keep in (True, False):
            array = np.zeros(3, np.float32)
            ctypes.memset(array.ctypes.data + array.nbytes, 0, 4)
            ctypes.memset(array.ctypes.data - 6, 0, 2)
            kept = array if keep else None
            del array
    assert kept is None
    assert sorted(seen) == sorted(
        2 * ["wrote 4 bytes past the end of an array that it allocated",
             "wrote 6 bytes before the start of an array that it allocated"]
    )  # fmt: skip


def test_a_process_whose_fenced_arrays_live_to_its_end_ends_well():
    program = (
        "import numpy as np\n"
        "from verify import fenced_memory\n"
        "with fenced_memory.fenced():\n"
        "    kept = [np.zeros(n) for n in range(1, 50)]\n"
        "class Holder:\n"
        "    array = kept[3]\n"
        "np.kept = kept\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
