"""Libraries through verify and bench: sound ones pass, wrong ones are told what is wrong."""

import json

import pytest


def outcomes(ask, tmp_path, plugin, *words):
    output = tmp_path / "out.json"
    done = ask("verify", "--plugin", plugin, *words, "--output", output)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(output.read_text())["outcomes"]


def test_the_kernel_that_new_writes_verifies_and_is_timed(ask, tmp_path, build):
    done = ask("backends", "new", "zz_kernel", "--language", "c", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "zz_kernel.c").read_text()
    library = build(text, "libzz_kernel.so")
    assert f"python -m verify zz_kernel --plugin {library}" in done.stdout
    words = ("--check", "contract", "--check", "guard", "--check", "special_values")
    found = outcomes(ask, tmp_path, library, *words, "--check", "thread_safety")
    assert {each["dtype"] for each in found if each["status"] == "pass"} == {"float32", "float64"}
    assert {each["status"] for each in found} <= {"pass", "weak", "skip"}
    timed = ask("bench", "--plugin", library, "--dtype", "float32", "--shape", "9x50")
    assert timed.returncode == 0, timed.stdout + timed.stderr
    assert "zz_kernel" in timed.stdout
    listed = ask("backends", "list", "--plugin", library)
    assert "zz_kernel" in listed.stdout.splitlines()[-1]


def test_every_operation_of_the_family_verifies(ask, tmp_path, build):
    checks = ("special_values", "arguments", "guard")
    words = [word for check in checks for word in ("--check", check)]
    found = outcomes(ask, tmp_path, build("family.c"), "--dtype", "float32", *words)
    bad = [each for each in found if each["status"] not in ("pass", "weak", "skip")]
    assert bad == []
    asked = {each["operation"] for each in found if each["status"] == "pass"}
    assert len(asked) == 9


@pytest.mark.parametrize(
    ("source", "check", "case", "status", "says"),
    [
        (
            "reads_past_the_tail.c",
            "guard",
            "softmax/float32/1x9/normal/form=guard:high",
            "crash",
            "SIGSEGV: it read 1 byte past the end of x",
        ),
        (
            "forgets_an_odd_tail.c",
            "accuracy",
            "softmax/float32/3x33/normal",
            "fail",
            "more than the shifted algorithm can be",
        ),
        (
            "keeps_a_static_buffer.c",
            "thread_safety",
            "softmax/float32/24x513/normal",
            "fail",
            "the claim thread_safe=False would declare it",
        ),
    ],
)
def test_a_wrong_kernel_is_rejected_with_what_is_wrong(
    ask, tmp_path, build, source, check, case, status, says
):
    (found,) = outcomes(ask, tmp_path, build(source), "--check", check, "--case", case)
    assert found["status"] == status
    assert says in found["message"]


def test_the_wrong_kernels_are_right_where_their_fault_does_not_show(ask, tmp_path, build):
    for source, case in (
        ("reads_past_the_tail.c", "softmax/float32/1x16/normal"),
        ("forgets_an_odd_tail.c", "softmax/float32/3x32/normal"),
        ("keeps_a_static_buffer.c", "softmax/float32/3x33/normal"),
    ):
        (found,) = outcomes(ask, tmp_path, build(source), "--case", case)
        assert found["status"] == "pass", found


def test_a_library_that_crashes_when_it_is_opened_ends_a_worker_and_not_the_command(ask, build):
    library = build(
        "#include <signal.h>\n"
        "__attribute__((constructor)) static void begin(void) { raise(SIGSEGV); }\n"
        "void softmax_f32(const float *x, float *y, long long rows, long long cols)\n"
        "{ (void)x; (void)y; (void)rows; (void)cols; }\n"
    )
    for command in ("verify", "bench"):
        done = ask(command, "--plugin", library)
        assert done.returncode == 2
        assert "the process was ended by SIGSEGV while it was loaded" in " ".join(
            done.stderr.split()
        )
        assert "Traceback" not in done.stderr
