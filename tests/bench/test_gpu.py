"""`make gpu` where there is no GPU: all of it but the timing itself."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench import gpu, gpu_table, gpu_verify
from bench.gpu_table import Timing

ROOT = Path(__file__).parents[2]


def timing(name="triton_fused", n=1024, seconds=1.25, **changes):
    return Timing(name, "float32", n, 1 << 28, seconds, 1.0, **changes)


def test_without_a_gpu_it_says_so_and_exits_with_2(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda _: object())
    assert gpu.main(["--output", str(tmp_path / "gpu.md")]) == 2
    assert "no NVIDIA GPU" in capsys.readouterr().err
    assert not (tmp_path / "gpu.md").exists()


def test_a_missing_library_is_named(monkeypatch, capsys):
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: name != "triton" or None)
    assert gpu.main([]) == 2
    assert "triton is not installed" in capsys.readouterr().err


def test_what_it_imports_is_what_its_first_lines_say():
    script = (
        "import sys\n"
        "for name in ('numba', 'pandas', 'mpmath', 'ml_dtypes', 'click', 'psutil', 'pyarrow'):\n"
        "    sys.modules[name] = None\n"
        "import bench.gpu, bench.gpu_table, bench.gpu_timing, bench.gpu_verify\n"
        "import backends.kernels.torch_cuda_compiled, backends.builtin.triton_fused\n"
        "import importlib.util\n"
        "if importlib.util.find_spec('triton'):\n"
        "    backends.builtin.triton_fused.TritonFused()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_closing_table_has_shares_and_ratios():
    table = gpu_table.short([timing("torch_eager", seconds=1.5), timing()])
    assert table.splitlines()[1].split() == ["float32", "1024", "80", "%", "1.20", "-"]
    assert table.splitlines()[-1] == "2 timed, 0 wrong"


def test_the_page_has_command_environment_and_what_was_wrong():
    wrong = timing("torch_compiled", seconds=float("nan"), trouble="raised RuntimeError: no")
    page = gpu_table.page(
        [timing(), wrong], ["triton_fused, N = 1: bad"], {"device": "some GPU"}, "the command"
    )
    for words in (
        "- device: some GPU",
        "    the command",
        "| 1024 | 262144 | 2 | - | - | 2 (80 %) |",
        "- triton_fused, N = 1: bad",
        "- torch_compiled, float32, N = 1024: raised RuntimeError: no",
    ):
        assert words in page


@pytest.mark.parametrize("dtype", gpu.DTYPES)
@pytest.mark.parametrize("name", ["torch_eager", "triton_fused"])
def test_right_results_are_within_their_bounds_and_wrong_ones_are_not(dtype, name):
    x = gpu_verify.logits((3, 300), dtype, "cpu")
    right = torch.softmax(x.double(), -1).to(x.dtype)
    assert gpu_verify.judged(name, right, x) == ""
    for wrong in (
        torch.zeros_like(right),
        torch.full_like(right, float("nan")),
        torch.softmax(x[:, :-1].double(), -1).to(x.dtype),
        right.roll(1, 0),
        right * (1 + 16 * torch.finfo(x.dtype).eps) if name == "triton_fused" else right * 1.02,
    ):
        assert gpu_verify.judged(name, wrong, x) != ""


@pytest.mark.parametrize("dtype", gpu.DTYPES)
def test_right_gradients_are_within_their_bound_and_wrong_ones_are_not(dtype):
    x = gpu_verify.logits((3, 300), dtype, "cpu")
    cotangent = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(x.dtype)
    z = x.double().requires_grad_()
    torch.softmax(z, -1).backward(cotangent.double())
    assert gpu_verify.judged_vjp(z.grad.to(x.dtype), x, cotangent) == ""
    assert gpu_verify.judged_vjp(-z.grad.to(x.dtype), x, cotangent) != ""
    assert gpu_verify.judged_vjp(torch.zeros_like(x), x, cotangent) != ""


def test_special_rows_are_asked_for():
    x = gpu_verify.logits((3, 65), "float32", "cpu")
    assert gpu_verify._special(lambda each: torch.softmax(each, -1), x) == ""
    zeros = lambda each: torch.softmax(each, -1).nan_to_num(0.0)  # noqa: E731 - a wrong softmax
    assert "not NaN throughout" in gpu_verify._special(zeros, x)


def test_a_wrong_contender_makes_the_exit_code_1(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(gpu, "missing", lambda: None)
    monkeypatch.setattr(gpu, "_environment", dict)
    monkeypatch.setattr(gpu_verify, "special_troubles", lambda _: iter(()))
    for trouble, code in (("", 0), ("far off", 1)):
        found = [timing(trouble=trouble)]
        monkeypatch.setattr(gpu, "_all", lambda *_, found=found: iter(found))
        assert gpu.main(["--output", str(tmp_path / "gpu.md")]) == code
    assert "1 timed, 1 wrong" in capsys.readouterr().out
    assert (tmp_path / "gpu.md").read_text(encoding="utf-8").startswith("# Softmax on a GPU")
