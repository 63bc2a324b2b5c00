"""No process of ours outlives a run that was killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]

RUN = """
import time
from backends.claims import Claims
from verify.answers import Answers
from verify.cases import parse

if __name__ == "__main__":
    answers = Answers(2)
    answers.expect([Claims()])
    cases = [parse(f"softmax/float32/3x8/uniform/seed={i}") for i in range(4)]
    answers.prefetch(cases)
    for case in cases:
        answers.facts(case, Claims())
    print("ready", flush=True)
    time.sleep(60)
"""


def test_the_oracle_processes_of_a_killed_run_end_by_themselves(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(RUN)
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdout.readline() == "ready\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) >= 2
        parent.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == [], [process.cmdline() for process in alive]


def test_the_worker_of_a_killed_run_ends_by_itself_even_in_an_endless_loop(tmp_path):
    plugin = tmp_path / "endless.py"
    plugin.write_text(
        "from backends import register\n\n\n"
        '@register("endless")\ndef softmax(x):\n'
        f"    open({str(tmp_path / 'began')!r}, 'w').close()\n"
        "    while True:\n        pass\n"
    )
    words = ["-m", "verify", "--plugin", str(plugin), "--store", str(tmp_path / "store.db")]
    with subprocess.Popen([sys.executable, *words], cwd=ROOT) as parent:
        while not (tmp_path / "began").exists():
            assert parent.poll() is None, "the run ended before the loop began"
            time.sleep(0.1)
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == [], [process.cmdline() for process in alive]


def test_what_a_worker_started_ends_with_a_killed_run_too(tmp_path):
    plugin = tmp_path / "parent.py"
    plugin.write_text(
        "import subprocess, sys\nfrom backends import register\n\n\n"
        '@register("parent")\ndef softmax(x):\n'
        "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        f"    open({str(tmp_path / 'began')!r}, 'w').write(str(child.pid))\n"
        "    child.wait()\n"
    )
    words = ["-m", "verify", "--plugin", str(plugin), "--store", str(tmp_path / "store.db")]
    with subprocess.Popen([sys.executable, *words], cwd=ROOT) as run:
        while not (tmp_path / "began").exists() or not (tmp_path / "began").read_text():
            assert run.poll() is None, "the run ended before the call began"
            time.sleep(0.1)
        grandchild = psutil.Process(int((tmp_path / "began").read_text()))
        run.kill()
    assert psutil.wait_procs([grandchild], timeout=10)[1] == []
