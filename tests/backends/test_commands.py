"""The command line, and how little it costs to ask for a name."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import backends
from backends import RegistrationError, registry, template
from backends.errors import SoftmarkError

ROOT = Path(__file__).parents[2]


def run(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_describing_every_builtin_imports_no_array_library():
    asked = (
        "import sys, backends\n"
        "[backends.describe(source) for source in backends.sources().values()]\n"
        "heavy = {'numpy', 'numba', 'torch', 'ml_dtypes', 'rich', 'click'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)\n"
    )
    done = run("-c", asked)
    assert (done.returncode, done.stderr) == (0, "")


def test_list_shows_every_backend_and_why_one_is_unavailable():
    done = run("-m", "backends", "list")
    assert done.returncode == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    for name in backends.sources():
        reason = backends.get(name).unavailable()
        assert (reason or "yes") in lines[name]


def test_new_writes_a_plugin_and_says_what_to_do_next(tmp_path):
    done = run("-m", "backends", "new", "zz_new", "--output", str(tmp_path))
    assert done.returncode == 0
    assert f"python -m verify zz_new --plugin {tmp_path / 'zz_new.py'}" in done.stdout
    again = run("-m", "backends", "new", "zz_new", "--output", str(tmp_path))
    assert again.returncode == 2
    assert "is left alone" in again.stderr


@pytest.mark.parametrize("array", sorted(template.TEMPLATES))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_written_plugin_runs_as_it_is(tmp_path, array, dtype):
    path = template.write_plugin("zz_new", array, tmp_path / "made")
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(dtype)
    with registry.isolated():
        assert backends.load_plugin(path) == ["zz_new"]
        mine, stable = backends.get("zz_new"), backends.get("numpy_stable")
        for axis, temperature in [(-1, 1.0), (0, 2.0)]:
            got = mine.softmax(x, axis=axis, temperature=temperature)
            want = stable.softmax(x, axis=axis, temperature=temperature)
            assert got.dtype == dtype
            assert np.allclose(got, want, rtol=1e-6)
        assert mine.softmax(np.zeros((2, 0), dtype)).shape == (2, 0)
        assert np.isnan(mine.softmax(np.array([np.nan, 1.0], dtype))).all()
        with pytest.raises(ValueError, match="temperature=0"):
            mine.softmax(x, temperature=0)


@pytest.mark.parametrize("name", ["", "a b", "../up", "class", "1st", "numpy_stable"])
def test_new_refuses_a_name_that_could_not_be_used(tmp_path, name):
    with pytest.raises(RegistrationError):
        template.write_plugin(name, "numpy", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_new_says_when_it_cannot_write(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SoftmarkError, match="cannot write"):
        template.write_plugin("zz_new", "numpy", tmp_path / "file")
