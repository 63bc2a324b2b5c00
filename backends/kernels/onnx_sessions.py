"""ONNX Runtime's operators, with inputs and result bound to NumPy's memory.

A session is made for each graph and shared by all calls; each call has an I/O binding of its own.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from backends import threads
from backends.kernels.bound_peer import checked
from backends.kernels.onnx_graphs import Graph, model
from backends.kernels.staging import Staged, refreshed
from backends.operations import IGNORE_INDEX

if TYPE_CHECKING:
    from backends.arrays import NumPyArray
    from backends.kernels.bound_peer import Call

_FATAL = 4  # the log's level: whatever else is wrong is raised as well


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
    IndexError, TypeError, ValueError
        As `bound_peer.checked`.
    """
    given = checked(operation, x, axis, temperature, labels, ignore_index)
    if operation == "cross_entropy" and given.x.size == 0:
        # The operator is a graph of its own, and one of its nodes cannot take a length of 0.
        given.result[...] = 0
        return functools.partial(np.asarray, given.result)
    graph = Graph(
        operation, given.result.dtype.name, given.x.ndim, given.axis, given.cooled, ignore_index
    )
    inputs = {"x": Staged(given.x)}
    if given.labels is not None:
        inputs["labels"] = Staged(given.labels)
    if given.cooled:
        inputs["temperature"] = Staged(np.array(given.temperature, graph.working))
    session = _session(graph)
    binding = session.io_binding()
    for name, staged in inputs.items():
        array = staged.array
        binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
    out = given.target
    binding.bind_output("y", "cpu", 0, out.dtype.type, out.shape, out.ctypes.data)
    call = functools.partial(_run, session, binding, inputs, given.result)
    return refreshed(call, inputs.values())


def _run(session: Any, binding: Any, inputs: object, result: NumPyArray) -> NumPyArray:  # noqa: ANN401 - untyped there
    del inputs  # theirs are the addresses in the binding: they live as long as the call does
    session.run_with_iobinding(binding)
    return result


@functools.lru_cache(maxsize=256)
def _session(graph: Graph) -> Any:  # noqa: ANN401 - untyped there
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads.count()
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    return onnxruntime.InferenceSession(model(graph), options, providers=["CPUExecutionProvider"])
