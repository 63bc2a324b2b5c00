"""Peak memory is that of all processes together."""

import sys

import pytest

from bench import row_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

_HOLDS = "import time; kept = bytearray(b'1') * (64 << 20); time.sleep(1.0)"


def test_a_child_counts_with_its_parent():
    both = f"import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', {_HOLDS!r}]); "
    peak = row_memory.watch([sys.executable, "-c", f"{both}{_HOLDS}; sys.exit(c.wait() + 3)"])
    assert 120 << 20 < peak.together < 220 << 20
    assert 60 << 20 < peak.one < 110 << 20
    assert peak.exit_code == 3


def test_the_page_states_what_the_row_itself_takes():
    page = row_memory._page(row_memory.CASE, {"it": row_memory.Peak(3 << 30, 2 << 30, 60.0, 0)})
    assert "an input of 1.00 GiB" in page
    assert "| it | 3.00 | 2.00 | 60 | 0 |" in page
