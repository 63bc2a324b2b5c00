"""SOUND: the softmaxes of other libraries; what is not installed is passed over."""

import numpy as np
from zoo_kernels import by_rows

from backends import Claims, register

_THREADS = "off the last axis the bits depend on how many threads share the columns"


def _over(x, temperature):
    return x if temperature == 1.0 else (x / np.float64(temperature)).astype(x.dtype)


@register("scipy_softmax", dtypes=["float64", "float32"], requires=["scipy"])
def softmax(x, axis=-1, temperature=1.0):
    """SOUND: scipy.special.softmax."""
    from scipy import special

    def rows(r):
        return special.softmax(_over(r, temperature), axis=1)

    return by_rows(x, axis, rows)


@register(
    "scipy_logsumexp",
    dtypes=["float64", "float32"],
    requires=["scipy"],
    claims=Claims(algorithm="division_free"),
)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: exp(x - scipy.special.logsumexp(x)), with NaN for rows that hold +inf."""
    from scipy import special

    def rows(r):
        z = _over(r, temperature)
        total = special.logsumexp(z, axis=1, keepdims=True)
        return np.exp(z - np.where(np.isposinf(total), np.nan, total))

    return by_rows(x, axis, rows)


@register("sklearn_softmax", dtypes=["float64", "float32"], requires=["sklearn"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: sklearn.utils.extmath.softmax."""
    from sklearn.utils import extmath

    def rows(r):
        return extmath.softmax(_over(r, temperature), copy=True)

    return by_rows(x, axis, rows)


@register(
    "torch_softmax",
    dtypes=["float64", "float32"],
    array="torch",
    claims=Claims(limitations={"determinism": _THREADS}),
)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: torch.softmax."""
    import torch

    return torch.softmax(x if temperature == 1.0 else x / temperature, dim=axis)


@register("torch_log_softmax", dtypes=["float32"], array="torch")
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: exp of torch.nn.functional.log_softmax."""
    import torch

    return torch.exp(torch.nn.functional.log_softmax(x / temperature, dim=axis))


@register(
    "torch_on_numpy_arrays",
    dtypes=["float64"],
    requires=["torch"],
    claims=Claims(limitations={"determinism": _THREADS}),
)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: torch.nn.functional.softmax on a tensor that shares NumPy's memory."""
    import torch

    z = torch.from_numpy(_over(x.copy(), temperature))
    return torch.nn.functional.softmax(z, dim=axis).numpy()


@register("jax_softmax", dtypes=["float32"], requires=["jax"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: jax.nn.softmax."""
    import jax

    return np.array(jax.nn.softmax(_over(x, temperature), axis=axis))


@register("onnxruntime_softmax", dtypes=["float32"], requires=["onnxruntime", "onnx"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """SOUND: an ONNX model of one Softmax node."""
    import onnx
    import onnxruntime

    def rows(r):
        node = onnx.helper.make_node("Softmax", ["x"], ["y"], axis=-1)
        values = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, None])
            for name in "xy"
        ]
        graph = onnx.helper.make_graph([node], "softmax", values[:1], values[1:])
        model = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8
        )
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return session.run(None, {"x": _over(r, temperature)})[0]

    return by_rows(x, axis, rows)
