"""Arrays between NumPy and torch: the same bits, the same strides, no warnings."""

import ml_dtypes
import numpy as np
import pytest

from backends import arrays
from backends.errors import UnknownArrayLibrary, UnsupportedInput

numpy_library = arrays.library("numpy")
torch_library = arrays.library("torch")
DTYPES = [
    np.dtype(dtype)
    for dtype in (
        *(np.float64, np.float32, np.float16),
        *(ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2),
    )
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(256,), (16, 16), (), (0, 3)])
def test_every_bit_pattern_goes_to_torch_and_back(dtype, shape):
    count = int(np.prod(shape))
    bits = np.random.default_rng(0).integers(0, 256, size=count * dtype.itemsize, dtype=np.uint8)
    array = bits.view(dtype).reshape(shape)
    tensor = torch_library.from_numpy(array, "cpu")
    assert torch_library.is_native(tensor)
    assert torch_library.dtype_name(tensor) == dtype.name
    back = torch_library.to_numpy(tensor)
    assert back.dtype == dtype
    assert back.shape == shape
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", DTYPES[:4], ids=str)
def test_strides_are_kept_and_memory_is_shared_where_torch_can(dtype):
    array = np.zeros((6, 8), dtype).T[::2, 1:]
    tensor = torch_library.from_numpy(array, "cpu")
    assert tensor.stride() == tuple(step // dtype.itemsize for step in array.strides)
    array[0, 0] = 3
    assert tensor[0, 0] == 3


def test_read_only_and_broadcast_arrays_are_copied_without_a_warning():
    row = np.arange(5.0)
    broadcast = np.broadcast_to(row, (4, 5))
    tensor = torch_library.from_numpy(broadcast, "cpu")
    assert tensor.stride() == (0, 1)
    assert (torch_library.to_numpy(tensor) == broadcast).all()
    tensor[0, 0] = 7.0
    assert row[0] == 0.0


def test_negative_strides_and_misaligned_memory_are_copied():
    reversed_ = np.arange(12.0).reshape(3, 4)[::-1, ::-1]
    assert (torch_library.to_numpy(torch_library.from_numpy(reversed_, "cpu")) == reversed_).all()
    misaligned = np.zeros(33, np.uint8)[1:].view(np.float64)
    assert not misaligned.flags.aligned
    assert (torch_library.to_numpy(torch_library.from_numpy(misaligned, "cpu")) == 0).all()


def test_foreign_byte_order_is_refused_by_torch_with_the_next_step():
    with pytest.raises(UnsupportedInput, match="newbyteorder"):
        torch_library.from_numpy(np.zeros(3, ">f4"), "cpu")


@pytest.mark.parametrize("name", arrays.ARRAYS)
def test_an_empty_array_like_another_is_contiguous(name):
    library = arrays.library(name)
    native = library.from_numpy(np.zeros((4, 6), np.float32).T, "cpu")
    empty = library.to_numpy(library.empty((2, 3), native))
    assert empty.shape == (2, 3)
    assert empty.dtype == np.float32
    assert empty.flags.c_contiguous
    library.synchronize("cpu")


def test_an_unknown_library_is_named_with_the_nearest_one():
    with pytest.raises(UnknownArrayLibrary, match="did you mean 'torch'"):
        arrays.library("troch")


@pytest.mark.parametrize("dtype", DTYPES[:4], ids=str)
def test_memory_for_a_result_is_in_the_machine_s_byte_order_whatever_the_input_s(dtype):
    # ml_dtypes does not swap the bytes of a scalar that is written into a foreign 0-d array.
    foreign = np.ones((), dtype).astype(dtype.newbyteorder("S"))
    empty = numpy_library.empty((), foreign)
    empty[...] = dtype.type(1)
    assert empty.dtype.isnative
    assert empty == 1
