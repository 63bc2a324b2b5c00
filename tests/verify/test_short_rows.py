"""The compiled judge of short rows beside other kernels of its process."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("numba")

AFTER_ANOTHER = """
import numpy as np

import backends
from backends.claims import Claims
from verify import tally

for n in (2, 3):
    x = np.random.default_rng(0).standard_normal((70_000, n)).astype(np.float32)
    right = backends.get("numba_exact").softmax(x)
    found = tally.take(x, right, Claims())
    assert (found.count, found.misrounded) == (x.size, 0)
"""


def test_the_compiled_judge_may_be_made_after_a_kernel_with_which_it_shares_parts(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", AFTER_ANOTHER], env=environment, check=True)
