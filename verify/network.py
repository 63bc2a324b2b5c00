"""A small network that learns handwritten digits, in arithmetic that is the same everywhere.

64 pixels, one hidden layer of rectified linear units, ten logits; trained by plain gradient descent
on batches. Everything that is kept (weights, activations, logits, gradients) is a number of the
case's format; every sum is taken in float64, term after term in a fixed order, and rounded once. No
BLAS, whose order of summation depends on processor and threads: so two runs differ in what is asked
of a softmax and in nothing else, down to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backends.formats import from_float64, to_float64

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.formats import Format

Array = np.ndarray[Any, Any]

DATA = Path(__file__).parent / "data" / "digits.npz"
PIXELS, HIDDEN, CLASSES = 64, 32, 10
HELD_OUT = 360
"""Images that are never learned from: one in five."""
VERSION = 1
"""Part of the cache keys of exact runs: raise it whenever a bit of a training could change."""
_SIZES = ((PIXELS, HIDDEN), (HIDDEN, CLASSES))


@dataclass(frozen=True)
class Setting:
    """How the network is trained.

    Attributes
    ----------
    doc
        What it is like, in a line.
    divisor
        What the pixels, 0 to 16, are divided by.
    gains
        The weights of each layer are drawn from so many times the range of Glorot and Bengio.
    rate
        The learning rate of the first step; it falls linearly towards 0.
    """

    doc: str
    divisor: float
    gains: tuple[float, float]
    rate: float


SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "digits_training": Setting(
            "pixels from 0 to 1, weights drawn as usual: logits stay below 20",
            16.0,
            (1.0, 1.0),
            1.0,
        ),
        "digits_growing": Setting(
            "raw pixels, hidden weights drawn too wide: logits grow to thousands",
            1.0,
            (16.0, 0.25),
            0.01,
        ),
    }
)
"""Regime -> how the network is trained in it."""


class Images(NamedTuple):
    """Pixels (images, 64) in float64, from 0 to 16, and labels (images,) in int64."""

    pixels: Array
    labels: Array


@cache
def _digits() -> Images:
    with np.load(DATA, allow_pickle=False) as file:
        return Images(file["images"].astype(np.float64), file["labels"].astype(np.int64))


def _split(seed: int) -> tuple[Images, Images]:
    """Return the images to learn from and those held out."""
    images = _digits()
    order = np.random.default_rng([seed, 0]).permutation(len(images.labels))
    held, seen = order[:HELD_OUT], order[HELD_OUT:]
    return (
        Images(images.pixels[seen], images.labels[seen]),
        Images(images.pixels[held], images.labels[held]),
    )


def held_out(regime: str, seed: int) -> Images:
    """Return the images held out, their pixels scaled as the setting says."""
    images = _split(seed)[1]
    return Images(images.pixels / SETTINGS[regime].divisor, images.labels)


def lessons(regime: str, seed: int, count: int) -> Images:
    """Return `count` images to learn from: all in random order, then all in another, and so on."""
    images = _split(seed)[0]
    random = np.random.default_rng([seed, 1])
    times = -(-count // len(images.labels))
    order = np.concatenate([random.permutation(len(images.labels)) for _ in range(max(times, 1))])
    chosen = order[:count]
    return Images(images.pixels[chosen] / SETTINGS[regime].divisor, images.labels[chosen])


class Activations(NamedTuple):
    """What a batch becomes, all numbers of the format in float64: (batch, 32) and (batch, 10)."""

    hidden: Array
    logits: Array


class Network:
    """Weights in a format, and what is done with them.

    Parameters
    ----------
    fmt : Format
    setting : Setting
    seed : int
        The weights are drawn uniformly (Glorot and Bengio 2010, equation 16); biases are 0.
    """

    def __init__(self, fmt: Format, setting: Setting, seed: int) -> None:
        self._format = fmt
        random = np.random.default_rng([seed, 2])
        self.weights = [
            self.rounded(random.uniform(-1.0, 1.0, size) * gain * np.sqrt(6.0 / sum(size)))
            for size, gain in zip(_SIZES, setting.gains, strict=True)
        ]
        self.biases = [np.zeros(HIDDEN), np.zeros(CLASSES)]

    def rounded(self, values: Array) -> Array:
        """Return float64 `values`, each rounded to the format once."""
        return to_float64(from_float64(self._format, values))

    def forward(self, pixels: Array) -> Activations:
        """Return the activations of images (batch, 64)."""
        before = self.rounded(product(pixels, self.weights[0]) + self.biases[0])
        hidden = np.maximum(before, 0.0)
        return Activations(hidden, self.rounded(product(hidden, self.weights[1]) + self.biases[1]))

    def learn(self, pixels: Array, seen: Activations, slopes: Array, rate: float) -> None:
        """Take one step of gradient descent.

        Parameters
        ----------
        pixels : float64 array (batch, 64)
        seen : Activations
            What `forward` gave for them.
        slopes : float64 array (batch, 10)
            The gradient of each image's loss by its logits.
        rate : float
            The step is `rate` times the mean gradient over the batch.
        """
        step = rate / len(pixels)
        back = self.rounded(product(slopes, self.weights[1].T)) * (seen.hidden > 0)
        for layer, (inputs, delta) in enumerate(((pixels, back), (seen.hidden, slopes))):
            weights, biases = self.weights[layer], self.biases[layer]
            self.weights[layer] = self.rounded(weights - step * product(inputs.T, delta))
            self.biases[layer] = self.rounded(biases - step * _total(delta))

    @property
    def finite(self) -> bool:
        """Whether every weight is a finite number."""
        return all(bool(np.isfinite(each).all()) for each in (*self.weights, *self.biases))

    @property
    def digest(self) -> int:
        """64 bits that stand for the bits of all weights."""
        digest = blake2b(digest_size=8)
        for each in (*self.weights, *self.biases):
            digest.update(np.ascontiguousarray(each).astype("<f8").tobytes())
        return int.from_bytes(digest.digest(), "little")


def untrained(regime: str, fmt: Format, size: tuple[int, int], seed: int) -> Array:
    """Return the logits of the first lessons before anything is learned: a regime's rows.

    In float64; of rows shorter or longer than ten classes the first, or all again and again.
    """
    network = Network(fmt, SETTINGS[regime], seed)
    logits = network.forward(lessons(regime, seed, size[0]).pixels).logits
    return np.resize(logits[:, : size[1]], size)


def product(left: Array, right: Array) -> Array:
    """Return the matrix product in float64, summed term after term from the first.

    Each product and each sum is one operation of IEEE 754, so the bits are the same everywhere.
    """
    total = np.zeros((left.shape[0], right.shape[1]))
    for term in range(left.shape[1]):
        total += left[:, term, None] * right[term]
    return total


def _total(rows: Array) -> Array:
    """Return the sum of the rows, one after the other."""
    total: Array = np.add.accumulate(rows, axis=0)[-1]
    return total
