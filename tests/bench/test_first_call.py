"""A first call is divided into what it is made of, and a new process really is one."""

import pytest

from bench import first_call
from bench.new_process import MARK

SAID = f"""import time:       900 |        900 |   site
{MARK}load
import time: self [us] | cumulative | imported package
import time:    200000 |     200000 |   numpy.core
import time:    100000 |     300000 | numpy
a library that prints
{MARK}bind
import time:    400000 |     400000 | numba
{MARK}call
import time:     50000 |      50000 | lazy
{MARK}usual
import time:    999999 |     999999 | late
"""


def test_imports_are_taken_out_of_every_step_and_counted_once():
    seconds = {"load": 0.5, "bind": 0.45, "call": 2.06, "usual": 0.01}
    found = first_call.divided(seconds, SAID)
    assert found.imports == pytest.approx(0.75)
    assert found.prepare == pytest.approx(0.2 + 0.05)
    assert found.compile == pytest.approx(2.0)
    assert found.total == pytest.approx(3.01)


PLUGIN = """
import time
from pathlib import Path
import os

import numpy as np
from backends import register

@register("compiles", dtypes=["float32"])
class Compiles:
    ready = False
    def softmax(self, x, axis=-1):
        compiled = Path(os.environ["NUMBA_CACHE_DIR"]) / "compiled"
        if not self.ready and not compiled.exists():
            time.sleep(0.4)
            compiled.touch()
        self.ready = True
        print("{ a library that prints")
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

@register("binds", dtypes=["float32"])
class Binds(Compiles):
    def bind_softmax(self, x, axis=-1):
        self.softmax(x, axis)
        return lambda: self.softmax(x, axis)

@register("zeros", dtypes=["float32"])
def softmax(x, axis=-1):
    return np.zeros_like(x)

@register("raises", dtypes=["float32"])
class Raises:
    def softmax(self, x, axis=-1):
        raise ValueError("no such kernel")
"""


def test_a_first_call_pays_for_compilation_unless_it_was_left_on_disk(bench, stored, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    done = bench("--plugin", plugin, "--shape", "9x50", "--shape", "3x5", "--first-call")
    assert done.returncode == 1, done.stderr
    _, outcomes, (item, binds) = stored()
    said = {outcome.backend: outcome.message for outcome in outcomes}
    assert said.keys() == {"zeros", "raises"}
    assert said["raises"] == "a new process failed: ValueError: no such kernel"
    assert (item.backend, item.cache, item.shape, item.verified) == (
        *("compiles", "new process", (9, 50), True),
    )
    assert item.compile_seconds >= 0.4
    assert item.cached_seconds < item.compile_seconds
    assert binds.backend == "binds"
    assert binds.prepare_seconds >= 0.4 > binds.compile_seconds
    assert binds.cached_seconds < 0.4  # what it compiled while it bound was on disk
    assert item.import_seconds > 0.01  # NumPy at least
    parts = item.import_seconds + item.prepare_seconds + item.compile_seconds
    assert parts <= item.median
    assert "both from disk" in done.stdout
