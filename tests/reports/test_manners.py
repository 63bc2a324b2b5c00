"""Commands are quiet and without colours where they are asked to be; a shell completes them."""

import io
import subprocess
import sys

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from rich.console import Console

import bench.__main__
import reports.__main__
import verify.__main__
from reports import console, manners
from reports.records import Run
from reports.store import open_store
from verify import checks, telling

COMMANDS = {
    "verify": verify.__main__.command,
    "bench": bench.__main__.command,
    "reports": reports.__main__.command,
}


@click.command()
@manners.quiet_option
@manners.no_color_option
def speaks():
    screen = manners.screen(force_terminal=True, color_system="standard", file=io.StringIO())
    screen.print("[red]x[/red]")
    click.echo(screen.file.getvalue(), nl=False, color=True)
    terminal = Console(file=io.StringIO(), force_terminal=True)
    with console.progress(terminal) as bar:
        bar.update(bar.add_task("working", total=1), completed=1)
    click.echo(f"bar {'working' in terminal.file.getvalue()}")
    click.echo(f"passed on {manners.passed_on()}")


def said(*words, **environment):
    return CliRunner(env=environment).invoke(speaks, words, color=True).output


def test_colours_and_bars_are_there_by_default():
    assert "\x1b[31mx" in said(NO_COLOR=None, TERM="xterm")
    assert "bar True" in said()


@pytest.mark.parametrize(("words", "environment"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"})])
def test_no_colours_where_none_are_wanted(words, environment):
    assert "\x1b[3" not in said(*words, **environment)


def test_quiet_has_no_bar_on_a_terminal_either():
    assert "bar False" in said("--quiet")
    assert "bar False" in said("-q")


def test_a_command_that_is_started_is_asked_the_same():
    assert "passed on ['--quiet', '--no-color']" in said("--no-color", "-q")
    assert "passed on []" in said()


def test_what_was_asked_of_one_command_is_forgotten_by_the_next():
    said("--quiet", "--no-color")
    assert not manners.quiet()
    assert "bar True" in said()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_manners(name):
    options = {word for param in COMMANDS[name].params for word in param.opts}
    assert {"--quiet", "--no-color"} <= options


def test_a_quiet_verification_shows_what_went_wrong_and_nothing_else(make_outcome, capsys):
    run = Run.start("verify", version="0", arguments={"backends": [{"name": "mine"}]})
    assert telling.tell(run, [make_outcome(1)], quiet=True) == 0
    assert capsys.readouterr().out == ""
    both = [make_outcome(1), make_outcome(2, status="fail", message="it is wrong")]
    assert telling.tell(run, both, quiet=True) == 1
    out = capsys.readouterr().out
    assert "it is wrong" in out
    assert "outcomes" not in out


def test_a_quiet_report_writes_and_says_nothing(tmp_path, run):
    store = tmp_path / "results.db"
    with open_store(str(store)) as opened:
        opened.begin(run)
    command = [reports.__main__.command, ["--store", str(store), "--quiet"]]
    refused = CliRunner().invoke(*command)
    assert refused.exit_code == 2
    assert "--output" in refused.output
    command[1] += ["--output", str(tmp_path / "run.json")]
    done = CliRunner().invoke(*command)
    assert (done.exit_code, done.output) == (0, "")
    assert (tmp_path / "run.json").stat().st_size


@pytest.mark.parametrize(
    ("name", "words", "begun", "expected"),
    [
        ("verify", [], "numpy_", {"numpy_naive", "numpy_online", "numpy_stable"}),
        ("verify", ["--check"], "", set(checks.ALL)),
        ("verify", ["--dtype"], "bf", {"bfloat16"}),
        ("verify", ["--profile"], "f", {"full"}),
        ("verify", [], "--no-c", {"--no-color"}),
        ("bench", ["--operation"], "log", {"log_softmax", "logsumexp"}),
        ("bench", ["--device"], "c", {"cpu", "cuda"}),
    ],
)
def test_a_shell_completes(name, words, begun, expected):
    found = ShellComplete(COMMANDS[name], {}, name, "_X").get_completions(words, begun)
    assert {item.value for item in found} == expected


def test_a_shell_completes_the_runs_of_the_store(tmp_path, run):
    store = str(tmp_path / "results.db")
    with open_store(store) as opened:
        opened.begin(run)
    complete = ShellComplete(COMMANDS["reports"], {}, "reports", "_X").get_completions
    assert [item.value for item in complete(["--store", store], run.id[:9])] == [run.id]
    assert [item.value for item in complete(["--store", store + "-absent"], "")] == ["latest"]


def test_a_shell_is_asked_to_complete_files():
    (item,) = ShellComplete(COMMANDS["verify"], {}, "v", "_X").get_completions(["--plugin"], "m")
    assert (item.type, item.value) == ("file", "m")


@pytest.mark.parametrize("module", ["verify", "bench", "reports", "backends"])
def test_help_loads_no_heavy_library(module):
    heavy = "{'rich', 'numpy', 'torch'}"
    code = f"import sys, {module}.__main__; print(*(sys.modules.keys() & {heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(("columns", "width"), [(None, 120), ("77", 77)])
def test_a_file_is_written_wide_unless_columns_says_otherwise(columns, width, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    screen = manners.screen(file=io.StringIO())
    screen.print("x" * 500)
    assert len(screen.file.getvalue().splitlines()[0]) == width


@pytest.mark.parametrize(
    ("option", "said"), [("--output", "making the page"), ("--pictures", "pictures")]
)
def test_what_takes_long_has_a_bar_that_comes_to_its_end(
    tmp_path, run, make_outcome, monkeypatch, option, said
):
    store, shown = str(tmp_path / "results.db"), io.StringIO()
    with open_store(store) as opened:
        opened.begin(run)
        opened.add(run.id, make_outcome())
    terminal = Console(file=shown, force_terminal=True, width=100)
    monkeypatch.setattr(manners, "screen", lambda **_: terminal)
    drawn = [f"picture {number}" for number in range(32)]
    monkeypatch.setattr("reports.plots.write", lambda _frames, _folder: iter(drawn))
    words = ["--store", store, option, str(tmp_path / "made")]
    assert CliRunner().invoke(reports.__main__.command, words).exit_code == 0
    assert said in shown.getvalue()
    total = 100 if option == "--output" else len(drawn)
    assert f"{total}/{total}" in shown.getvalue()
