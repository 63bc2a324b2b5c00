"""Array libraries behind one small contract: NumPy <-> native arrays, placement, waiting.

A library is imported when its first array is made, never by importing this module. Formats that a
library does not share with NumPy (bfloat16, fp8) cross over as bits, never as cast values. A
further library (JAX, CuPy) is one more class and one line in `_LIBRARIES`.
"""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from backends.errors import UnknownArrayLibrary, UnsupportedInput
from backends.vocabulary import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import torch

Native: TypeAlias = Any
"""An array of whatever library a backend works on."""
NumPyArray: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

FEATURES = ("foreign byte order", "misaligned", "negative strides", "read-only")
"""What a NumPy array can have and those of another library may not; see `ArrayLibrary.lacks`."""

# Integer dtype through whose bits a format crosses between NumPy (ml_dtypes) and torch.
_CARRIERS = {"bfloat16": "int16", "float8_e4m3fn": "int8", "float8_e5m2": "int8"}


class ArrayLibrary(Protocol):
    """What Softmark asks of an array library.

    Attributes
    ----------
    name : str
    lacks : mapping
        Those of `FEATURES` that its arrays cannot have -> the reason.
    """

    name: str
    lacks: Mapping[str, str]

    def is_native(self, array: object) -> bool:
        """Say whether `array` is this library's own, without importing the library for it."""

    def dtype_name(self, array: Native) -> str:
        """Return the name of the array's format, as in `backends.vocabulary.DTYPES`."""

    def from_numpy(self, array: NumPyArray, device: str) -> Native:
        """Return a native array with the bits of `array`; it may share memory with it."""

    def to_numpy(self, array: Native) -> NumPyArray:
        """Return a NumPy array with the bits of `array`, waiting for the device if need be."""

    def place(self, array: Native, device: str) -> Native:
        """Return the native `array` on `device`, the array itself if it is there already."""

    def empty(self, shape: tuple[int, ...], like: Native) -> Native:
        """Return an uninitialised contiguous array of the dtype and device of `like`."""

    def exp(self, array: Native) -> Native:
        """Return the library's own exponential of each element."""

    def exp2(self, array: Native) -> Native:
        """Return the library's own power of two of each element."""

    def cast(self, array: Native, dtype: str) -> Native:
        """Return each element rounded to another format, by the library's own conversion."""

    def synchronize(self, device: str) -> None:
        """Wait until everything enqueued on `device` is done."""


class NumPyLibrary:
    """NumPy itself; bfloat16 and fp8 are the dtypes of ml_dtypes."""

    name = "numpy"
    lacks: Mapping[str, str] = MappingProxyType({})

    def is_native(self, array: object) -> bool:
        """Say whether `array` is a NumPy array or scalar."""
        import numpy as np

        return isinstance(array, np.ndarray | np.generic)

    def dtype_name(self, array: Native) -> str:
        """Return the dtype's name."""
        return str(array.dtype.name)

    def from_numpy(self, array: NumPyArray, device: str) -> Native:  # noqa: ARG002 - the protocol's
        """Return `array` itself."""
        return array

    def to_numpy(self, array: Native) -> NumPyArray:
        """Return `array` itself; a NumPy scalar becomes a 0-d array."""
        import numpy as np

        return np.asarray(array)

    def place(self, array: Native, device: str) -> Native:  # noqa: ARG002 - the protocol's
        """Return `array` itself; a NumPy scalar becomes a 0-d array."""
        return self.to_numpy(array)

    def empty(self, shape: tuple[int, ...], like: Native) -> Native:
        """Return an uninitialised C-contiguous array, in the machine's byte order."""
        import numpy as np

        return np.empty(shape, dtype=like.dtype.newbyteorder("="))

    def exp(self, array: Native) -> Native:
        """Return ``numpy.exp``."""
        import numpy as np

        return np.exp(array)

    def exp2(self, array: Native) -> Native:
        """Return ``numpy.exp2``."""
        import numpy as np

        return np.exp2(array)

    def cast(self, array: Native, dtype: str) -> Native:
        """Return ``array.astype``."""
        from backends.formats import format_of

        return array.astype(format_of(dtype).numpy_dtype)

    def synchronize(self, device: str) -> None:
        """NumPy has finished when it returns."""


class TorchLibrary:
    """PyTorch on the CPU and on CUDA devices."""

    name = "torch"
    lacks: Mapping[str, str] = MappingProxyType(
        {
            "foreign byte order": "torch has none but the machine's byte order",
            "misaligned": "a torch tensor's elements are aligned to their size",
            "negative strides": "torch has no negative strides",
            "read-only": "torch has no read-only tensors",
        }
    )

    def is_native(self, array: object) -> bool:
        """Say whether `array` is a tensor; where torch was never imported, nothing is."""
        loaded = sys.modules.get("torch")
        return loaded is not None and isinstance(array, loaded.Tensor)

    def dtype_name(self, array: Native) -> str:
        """Return the dtype's name without ``torch.``."""
        return str(array.dtype).removeprefix("torch.")

    def from_numpy(self, array: NumPyArray, device: str) -> Native:
        """Return a tensor of the same bits, strides kept where torch can express them.

        The tensor shares the array's memory where it may write there; negative strides (unknown to
        torch), misaligned and read-only memory are copied. Zero strides stay zero strides.

        Raises
        ------
        UnsupportedInput
            If the array is not in the machine's byte order.
        """
        import torch

        name = array.dtype.name
        if not array.dtype.isnative:
            raise UnsupportedInput(
                f"torch has no {array.dtype.str!r} (foreign byte order); "
                "convert with x.astype(x.dtype.newbyteorder('='))"
            )
        carrier = array.view(_CARRIERS[name]) if name in _CARRIERS else array
        tensor = _tensor_of(carrier)
        if name in _CARRIERS:
            tensor = tensor.view(getattr(torch, name))
        return self.place(tensor, device)

    def to_numpy(self, array: Native) -> NumPyArray:
        """Return the tensor's bits as a NumPy array, copied from the device if need be."""
        import torch

        tensor = array.detach().cpu()
        name = self.dtype_name(tensor)
        if name not in _CARRIERS:
            numpy_array: NumPyArray = tensor.numpy()
            return numpy_array
        import ml_dtypes

        bits: NumPyArray = tensor.view(getattr(torch, _CARRIERS[name])).numpy()
        return bits.view(getattr(ml_dtypes, name))

    def place(self, array: Native, device: str) -> Native:
        """Return the tensor on `device`."""
        return array.to(device)

    def empty(self, shape: tuple[int, ...], like: Native) -> Native:
        """Return an uninitialised contiguous tensor on the same device."""
        import torch

        return torch.empty(shape, dtype=like.dtype, device=like.device)

    def exp(self, array: Native) -> Native:
        """Return ``torch.exp``."""
        return array.exp()

    def exp2(self, array: Native) -> Native:
        """Return ``torch.exp2``."""
        return array.exp2()

    def cast(self, array: Native, dtype: str) -> Native:
        """Return ``array.to``."""
        import torch

        return array.to(getattr(torch, dtype))

    def synchronize(self, device: str) -> None:
        """Wait for CUDA's current device; the CPU has finished when it returns."""
        if device == "cuda":
            import torch

            torch.cuda.synchronize()


def _tensor_of(array: NumPyArray) -> torch.Tensor:
    """Return a tensor over the array's memory, or over a copy where torch cannot write or step."""
    import torch

    steps = [step for step, length in zip(array.strides, array.shape, strict=True) if length > 1]
    expressible = all(step >= 0 and step % array.itemsize == 0 for step in steps)
    if expressible and array.flags.writeable and array.flags.aligned:
        return torch.from_numpy(array)
    # Broadcast axes are copied once and expanded again, so that they stay broadcast.
    once = tuple(
        slice(0, 1) if step == 0 else slice(None) for step in (array.strides if array.size else ())
    )
    return torch.from_numpy(array[once].copy(order="K")).expand(array.shape)


_LIBRARIES: Mapping[str, ArrayLibrary] = {"numpy": NumPyLibrary(), "torch": TorchLibrary()}

ARRAYS = tuple(_LIBRARIES)
"""Names that ``register(array=...)`` accepts."""


def library(name: str) -> ArrayLibrary:
    """Return the array library called `name`.

    Raises
    ------
    UnknownArrayLibrary
        If there is none; the message names the nearest ones.
    """
    try:
        return _LIBRARIES[name]
    except (KeyError, TypeError):
        raise UnknownArrayLibrary(
            f"unknown array library {name!r}; {nearest(name, ARRAYS)}"
        ) from None


def library_of(array: object) -> ArrayLibrary:
    """Return the library that `array` belongs to; none is imported for it.

    Raises
    ------
    UnsupportedInput
        If it is no array of any of them.
    """
    for each in _LIBRARIES.values():
        if each.is_native(array):
            return each
    raise UnsupportedInput(
        f"{type(array).__name__} is no array of {' or '.join(ARRAYS)}: convert with numpy.asarray"
    )
