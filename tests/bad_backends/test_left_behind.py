"""Settings of the thread that a call leaves behind are told, in workers: they would last here."""

import json
from pathlib import Path

HERE = Path(__file__).parent
CASE = "softmax/float32/2x3/normal/form=outlives"
SAYS = {
    "leaves_numpy_raising": "NumPy's error handling",
    "leaves_subnormals_flushed": "subnormal numbers are flushed",
    "leaves_rounding_downward": "no longer rounded to nearest",
}


def test_what_a_call_leaves_behind_in_its_thread_is_told(verify, tmp_path):
    output = tmp_path / "out.json"
    plugins = ("--plugin", HERE / "wrong_left_behind.py", "--plugin", HERE / "sound_unusual.py")
    words = (*SAYS, "flushes_as_declared", *plugins, "--check", "contract", "--case", CASE)
    done = verify(*words, "--output", output)
    assert done.returncode == 1, done.stderr
    found = {o["backend"]: o for o in json.loads(output.read_text())["outcomes"]}
    for name, says in SAYS.items():
        assert found[name]["status"] == "fail"
        assert says in found[name]["message"]
    assert found["flushes_as_declared"]["status"] == "pass"
