"""Whether candidates are drawn as their sampler says, and what sampling does to the loss.

`verify.sampling.goodness_of_fit` asks any sampler (`backends.candidates.Sampler`), your own too::

    from backends.candidates import Sampler
    from verify.sampling import goodness_of_fit

    mine = Sampler("mine", replacement=True, law=probabilities, drawing=draw)
    assert goodness_of_fit(mine, classes=1000, size=64).accepted

`verify.sampling.estimate.table` holds the sampled loss against the full one.
``python -m verify.sampling`` shows both.
"""

from verify.sampling.goodness import Answer, Fit, goodness_of_fit

__all__ = ["Answer", "Fit", "goodness_of_fit"]
