"""What torch's own functions give for the softmax family, from `Rows` and a dtype."""

import ml_dtypes
import numpy as np
import torch


def tensor(values, dtype, *, gradient=False):
    wide = torch.from_numpy(np.ascontiguousarray(values, np.float64))
    return wide.to(getattr(torch, dtype)).requires_grad_(gradient)


def numbers(result, dtype):
    result = result.detach()
    if dtype == "bfloat16":
        return result.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return result.numpy()


def log_softmax_torch(rows, dtype):
    return numbers(tensor(rows.x, dtype).log_softmax(-1), dtype)


def logsumexp_torch(rows, dtype):
    return numbers(tensor(rows.x, dtype).logsumexp(-1, keepdim=True), dtype)


def loss(rows, x):
    labels = torch.from_numpy(np.where(rows.ignored, -100, rows.labels))
    return torch.nn.functional.cross_entropy(x, labels, reduction="none")


def cross_entropy_torch(rows, dtype):
    return numbers(loss(rows, tensor(rows.x, dtype)), dtype)[:, None]


def cross_entropy_grad_torch(rows, dtype):
    x = tensor(rows.x, dtype, gradient=True)
    loss(rows, x).sum().backward()
    return numbers(x.grad, dtype)


def softmax_vjp_torch(rows, dtype):
    x = tensor(rows.x, dtype, gradient=True)
    x.softmax(-1).backward(tensor(rows.cotangent, dtype))
    return numbers(x.grad, dtype)


def sigmoid_torch(rows, dtype):
    return numbers(tensor(rows.x, dtype).sigmoid(), dtype)
