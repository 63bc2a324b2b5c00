"""What the README shows works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from backends.__main__ import main
from backends.discovery import builtin_specs
from verify import evaluate

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def run(*words, timeout=120):
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=timeout
    )


def test_the_six_line_backend_verifies(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(re.search(r"```python\n(.*?)```", README, re.DOTALL)[1])
    done = run(
        *("-m", "verify", "--plugin", str(plugin), "--check", "special_values"),
        *("--check", "axes", "--store", str(tmp_path / "store.db")),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"mine +float32 +[1-9]\d* ", done.stdout)


def test_every_option_of_verify_in_the_readme_exists():
    shown = run("-m", "verify", "--help").stdout
    options = re.findall(r"--[a-z]+", re.search(r"right\? `(--.*?)`", README)[1])
    assert options
    assert [option for option in options if f"{option} " not in shown] == []


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!http)[^)]+)\)", README))
def test_every_link_of_the_readme_leads_somewhere(link):
    assert (ROOT / link).is_file()


@pytest.mark.parametrize("target", ["verify", "test", "lint", "bench", "report"])
def test_make_has_the_target_and_says_what_it_does(target):
    assert re.search(rf"^{target}: .*## \w", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_eval_shows_the_worked_example_to_its_printed_digits():
    done = run("-m", "backends", "eval", "1.6", "3.1", "0.5")
    assert done.returncode == 0, done.stderr
    exact = next(line for line in done.stdout.splitlines() if "exact" in line)
    values = [float(word) for word in re.findall(r"0\.\d{5,}", exact)]
    assert [f"{value:.8f}" for value in values[:2]] == ["0.17198206", "0.77077010"]
    assert abs(values[2] - 0.05724785) < 1.5e-8


def test_eval_takes_negative_infinite_and_huge_numbers(in_process, monkeypatch):
    # One backend beside the exact answer will do: all of them are asked above.
    stable = next(spec for spec in builtin_specs() if spec.name == "numpy_stable")
    monkeypatch.setattr(evaluate, "chosen", lambda *_: ([stable], {}))
    done = in_process(main, "eval", "-7.98", "1e38", "-inf", "--dtype", "float64")
    assert done.returncode == 0, done.stderr
    for name in ("exact", "numpy_stable"):
        line = next(line for line in done.stdout.splitlines() if name in line)
        assert re.findall(r"[\d.]+ \(", line) == ["0.0 (", "1.0 (", "0.0 ("]


def test_eval_of_a_temperature_that_is_not_positive_is_refused():
    done = run("-m", "backends", "eval", "1", "2", "--temperature", "0")
    assert done.returncode == 2
    assert "temperature" in done.stderr
