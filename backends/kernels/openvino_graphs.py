"""OpenVINO's operators, compiled for each shape, with tensors over NumPy's memory.

Compiled models are shared by all calls of a shape; each call has an infer request of its own.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from openvino import opset13

from backends import threads
from backends.kernels.bound_peer import checked
from backends.kernels.staging import Staged, refreshed
from backends.operations import IGNORE_INDEX

if TYPE_CHECKING:
    from backends.arrays import NumPyArray
    from backends.kernels.bound_peer import Call

_TYPES = {
    "float32": openvino.Type.f32,
    "float16": openvino.Type.f16,
    "bfloat16": openvino.Type.bf16,
}


def bound(
    operation: str,
    x: NumPyArray,
    *,
    axis: int,
    temperature: float,
    labels: NumPyArray | None = None,
    ignore_index: int = IGNORE_INDEX,
) -> Call:
    """Return a call that reads `x` where it lies and gives the same array each time.

    Raises
    ------
    IndexError, ValueError
        As `bound_peer.checked`.
    """
    given = checked(operation, x, axis, temperature, labels, ignore_index)
    if given.x.size == 0:
        # No shape of OpenVINO's has a length of 0 that it would compile for.
        return functools.partial(np.asarray, given.result)
    staged = Staged(given.x)
    dtype = given.result.dtype.name
    model = _compiled(operation, dtype, given.x.shape, given.axis, given.temperature)
    request = model.create_infer_request()
    request.set_input_tensor(_tensor(staged.array))
    request.set_output_tensor(_tensor(given.target))
    return refreshed(functools.partial(_run, request, staged, given.result), [staged])


def _run(request: Any, staged: Staged, result: NumPyArray) -> NumPyArray:  # noqa: ANN401 - untyped there
    del staged  # its memory is the input tensor's: it lives as long as the call does
    request.infer()
    return result


def _tensor(array: NumPyArray) -> Any:  # noqa: ANN401 - untyped there
    """Return a tensor over the array's memory; bfloat16, which NumPy has not, goes by its bits."""
    element = _TYPES[array.dtype.name]
    carrier = array.view(np.int16) if array.dtype.name == "bfloat16" else array
    return openvino.Tensor(carrier, array.shape, element)


@functools.lru_cache(maxsize=64)
def _compiled(
    operation: str, dtype: str, shape: tuple[int, ...], axis: int, temperature: float
) -> Any:  # noqa: ANN401 - untyped there
    element = _TYPES[dtype]
    x = opset13.parameter(list(shape), element)
    z = x
    if temperature != 1.0:
        wide = opset13.convert(x, "f32")
        z = opset13.divide(wide, opset13.constant(np.float32(temperature)))
    y = getattr(opset13, operation)(z, axis)
    if temperature != 1.0:
        y = opset13.convert(y, element.get_type_name())
    # One request at a time, as fast as it can; no lower precision than the model's, which
    # processors with 16-bit arithmetic would take otherwise.
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads.count(),
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return _core().compile_model(openvino.Model([y], [x], operation), "CPU", settings)


@functools.cache
def _core() -> Any:  # noqa: ANN401 - untyped there
    return openvino.Core()
