"""The softmax family as ONNX graphs: one operator, and a division where there is a temperature."""

from __future__ import annotations

from typing import NamedTuple

from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

# Opset 18 is the first in which ReduceLogSumExp takes its axes as an input; IR 9 goes with it.
_OPSET, _IR_VERSION = 18, 9

OPERATORS = {
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "logsumexp": "ReduceLogSumExp",
    "cross_entropy": "SoftmaxCrossEntropyLoss",
}
"""Operation -> the operator of ONNX that computes it."""

ELEMENTS = {
    "float64": TensorProto.DOUBLE,
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "int64": TensorProto.INT64,
}
"""Dtype -> ONNX's number for it."""


class Graph(NamedTuple):
    """What a graph depends on; lengths are free.

    Attributes
    ----------
    operation, dtype
        The operation, and the format of input and result.
    ndim, axis
        The input's number of dimensions and the axis of its classes, counted from the front.
    cooled
        Whether there is an input ``temperature``, a scalar of `working`, to divide by.
    ignore_index
        For the cross-entropy: the label that excuses its row.
    """

    operation: str
    dtype: str
    ndim: int
    axis: int
    cooled: bool
    ignore_index: int

    @property
    def working(self) -> str:
        """The dtype of quotients: float32 for float16, whose own would be too coarse."""
        return "float32" if self.dtype == "float16" else self.dtype


def model(graph: Graph) -> bytes:
    """Return the graph as ONNX's bytes: inputs ``x``, ``labels``, ``temperature``; result ``y``."""
    nodes, logits, result = _around(graph)
    names = [logits]
    attributes: dict[str, object] = {}
    inputs = [_value("x", graph.dtype, graph.ndim)]
    constants = []
    if graph.operation in ("softmax", "log_softmax"):
        attributes["axis"] = graph.axis
    elif graph.operation == "logsumexp":
        names.append("axes")
        constants.append(helper.make_tensor("axes", TensorProto.INT64, [1], [graph.axis]))
        attributes["keepdims"] = 0
    elif graph.operation == "cross_entropy":
        names.append("labels")
        inputs.append(_value("labels", "int64", 1))
        attributes |= {"reduction": "none", "ignore_index": graph.ignore_index}
    if graph.cooled:
        inputs.append(_value("temperature", graph.working, 0))
    operator = helper.make_node(OPERATORS[graph.operation], names, [result], **attributes)
    body = helper.make_graph(
        [*nodes["before"], operator, *nodes["after"]],
        graph.operation,
        inputs,
        [_value("y", graph.dtype, _result_ndim(graph))],
        constants,
    )
    opset = helper.make_opsetid("", _OPSET)
    whole: ModelProto = helper.make_model(body, opset_imports=[opset], ir_version=_IR_VERSION)
    return bytes(whole.SerializeToString())


def _around(graph: Graph) -> tuple[dict[str, list[NodeProto]], str, str]:
    """Return what stands before and after the operator, and the names it reads and writes."""
    if not graph.cooled:
        return {"before": [], "after": []}, "x", "y"
    if graph.working == graph.dtype:
        return (
            {"before": [helper.make_node("Div", ["x", "temperature"], ["z"])], "after": []},
            "z",
            "y",
        )
    before = [
        helper.make_node("Cast", ["x"], ["wide"], to=ELEMENTS[graph.working]),
        helper.make_node("Div", ["wide", "temperature"], ["z"]),
    ]
    after = [helper.make_node("Cast", ["wide_y"], ["y"], to=ELEMENTS[graph.dtype])]
    return {"before": before, "after": after}, "z", "wide_y"


def _result_ndim(graph: Graph) -> int:
    return graph.ndim - 1 if graph.operation in ("logsumexp", "cross_entropy") else graph.ndim


def _value(name: str, dtype: str, ndim: int) -> ValueInfoProto:
    lengths = [f"{name}_{i}" for i in range(ndim)]
    return helper.make_tensor_value_info(name, ELEMENTS[dtype], lengths)
