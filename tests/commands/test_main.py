"""The one command: its words, exit codes, what it prints last, and what ends it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from helpers.command import TINY, Told, lstmstrat, summary, tiny, written

from lstmstrat.commands.main import COMMANDS, SHELLS, door, main
from lstmstrat.version import __version__

ROOT = Path(__file__).parents[2]
RIDGE = {"model": "ridge", "members": 1}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs of other seeds and one of another asset, and a file that is none."""
    folder = tmp_path_factory.mktemp("runs")
    config = written(folder / "config", TINY)
    for name, options in {
        "one": ["--seed", 0],
        "two": ["--seed", 1],
        "ibm": ["--set", "data.symbol=IBM", "--set", "name=other"],
    }.items():
        told = lstmstrat("run", config, "--out", folder / name, "--jobs", 1, "--quiet", *options)
        assert told.code == 0, told.err
    (folder / "broken").mkdir()
    (folder / "broken" / "summary.json").write_text("{")
    return folder


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert lstmstrat("--version") == Told(0, f"lstmstrat {__version__}\n", "")


def test_without_a_command_or_with_a_wrong_one_the_usage_is_said() -> None:
    for arguments in ([], ["rnu"], ["run"], ["run", "x.yaml", "--fulll"], ["run", "x.yaml", "--full", "--quiet"]):
        told = lstmstrat(*arguments)
        assert (told.code, told.out) == (2, ""), arguments
        assert told.err.startswith("usage: lstmstrat")


@pytest.mark.parametrize("name", [*COMMANDS, "completion"])
def test_each_command_explains_itself(name: str) -> None:
    told = lstmstrat(name, "--help")
    assert told.code == 0
    assert "xample: lstmstrat" in told.out or name == "audit"
    assert max(map(len, told.out.splitlines())) <= 100
    assert name in lstmstrat("--help").out


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_every_command_and_option(shell: str) -> None:
    told = lstmstrat("completion", shell)
    assert (told.code, told.err) == (0, "")
    for word in (*COMMANDS, "--version", "--worlds", "--over", "--markdown"):
        assert word.lstrip("-") in told.out, word


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_takes_the_completion(tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(lstmstrat("completion", "bash").out)
    ask = 'source "$0"; COMP_WORDS=(lstmstrat sw); COMP_CWORD=1; _shtab_lstmstrat; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", ask, str(script)], capture_output=True, text=True)
    assert done.stdout.split() == ["sweep"], done.stderr


def test_the_script_of_the_package_is_main() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"lstmstrat": "lstmstrat.commands.main:main"}


@pytest.mark.parametrize(
    ("name", "module"), [("run", "backtest"), ("audit", "audit"), ("new", "new"), ("trials", "trials")]
)
def test_the_old_doors_have_the_options_of_the_command(name: str, module: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        door(name, f"python -m lstmstrat.{module}", ["--help"])
    old, new = out.getvalue(), lstmstrat(name, "--help").out
    assert old.startswith(f"usage: python -m lstmstrat.{module} ")
    assert old.split("\n\n")[1:] == new.split("\n\n")[1:]  # all but the line of the usage


def test_the_module_itself_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "lstmstrat", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"lstmstrat {__version__}\n")


def test_the_last_lines_are_the_answer_and_the_path(tmp_path: Path) -> None:
    config, out = written(tmp_path, TINY), tmp_path / "out"
    plain = lstmstrat("run", config, "--out", out, "--jobs", 1)
    full = lstmstrat("run", config, "--out", tmp_path / "full", "--full")
    lines = plain.out.splitlines()
    assert lines[-1] == str(out / "report.html")
    answer = lines[lines.index(next(line for line in lines if "simply holding AAPL" in line)) : -1]
    assert len(answer) <= 9  # the sentence may take two lines
    assert max(map(len, answer)) <= 80
    assert "100,000" in plain.out
    assert "difference [95%]" in answer[-5] + answer[-6]
    assert [line.split()[0] for line in answer[-4:-1]] == ["holding", "long_flat", "cross"]
    assert "checks passed" in " ".join(answer)
    assert len(full.out.splitlines()) > len(lines) + 20
    # The audit, which is not run, and the ledger differ between the runs; the answer is the same.
    assert full.out.splitlines()[-len(answer) - 1 : -1] == answer


def test_json_is_the_summary_and_nothing_else(tmp_path: Path) -> None:
    told = lstmstrat("run", written(tmp_path, tiny(forecast=RIDGE)), "--out", tmp_path / "out", "--json")
    assert (told.code, told.err) == (0, "")
    assert json.loads(told.out) == summary(tmp_path / "out")


def test_show_prints_the_answer_of_the_run_again(runs: Path, tmp_path: Path) -> None:
    config = runs / "config" / "tiny.yaml"
    again = lstmstrat("run", config, "--seed", 0, "--out", tmp_path / "out", "--jobs", 1)
    told = lstmstrat("show", tmp_path / "out")
    assert (told.code, told.err) == (0, "")
    assert told.out == "\n".join(again.out.splitlines()[-len(told.out.splitlines()) - 1 : -1]) + "\n"
    full = lstmstrat("show", tmp_path / "out", "--full")
    assert full.out.endswith(told.out)
    assert "verdict" in full.out


def test_show_writes_the_page_anew(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "one", tmp_path / "one")
    page = tmp_path / "one" / "report.html"
    before = page.read_text()
    page.unlink()
    told = lstmstrat("show", tmp_path / "one", "--html")
    assert told.out.splitlines()[-1] == str(page)
    assert page.read_text() == before
    assert {path.name for path in (tmp_path / "one").iterdir()} == {path.name for path in (runs / "one").iterdir()}


def test_show_lists_a_folder_and_leaves_out_what_is_no_run(runs: Path) -> None:
    told = lstmstrat("show", runs)
    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert len(lines) == 1 + 3
    assert sum("IBM" in line for line in lines) == 1
    assert "broken" not in told.out
    assert "2 may be luck" in told.out


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere", "there is no folder"),
        ("broken", "summary.json is broken"),
        ("one/report.html", "is a file; expected the folder of a run"),
        ("config", "is no run folder"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(path: str, said: str, runs: Path) -> None:
    told = lstmstrat("show", runs / path)
    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert len(told.err.splitlines()) == 1


def test_a_comparison_of_folders_and_a_config_is_printed_and_written(runs: Path, tmp_path: Path) -> None:
    config = written(tmp_path, tiny(forecast={"epochs": 2}))
    files = [tmp_path / name for name in ("c.html", "c.md", "c.csv")]
    options = ["--html", files[0], "--markdown", files[1], "--csv", files[2], "--jobs", 1]
    told = lstmstrat("compare", runs / "one", config, runs / "two", *options)
    assert told.code == 0, told.err
    assert told.out.splitlines()[-3:] == [str(path) for path in files]
    assert "forecast.epochs" in told.out
    assert "forecast.seed" in told.out
    table = files[2].read_text().splitlines()
    assert len(table) == 1 + 1 + 3 * 2  # heads, holding AAPL, strategies
    assert table[2].split(",")[:2] == ["epochs=1 seed=0", "long_flat"]  # the order of the command line
    quiet = lstmstrat("compare", runs / "one", runs / "two", "--quiet", "--csv", tmp_path / "quiet.csv")
    assert quiet == Told(0, f"{tmp_path / 'quiet.csv'}\n", "")


def test_a_comparison_over_assets(runs: Path) -> None:
    told = lstmstrat("compare", runs / "one", runs / "ibm")
    assert told.code == 0, told.err
    assert "other: long_flat" in told.out  # the names of the configs tell them apart
    assert "holding IBM" in told.out
    assert "holding its asset (Hansen's SPA; yes, if small)? p = 0." in " ".join(told.out.split())


def test_a_folder_of_runs_is_answered_with_the_runs_in_it(runs: Path) -> None:
    for arguments in ([runs], [runs, runs / "one"]):
        told = lstmstrat("compare", *arguments)
        assert (told.code, told.out) == (2, "")
        said, _, *listed = told.err.splitlines()
        assert f"{runs} is a folder of " in said
        proposed = said.split("lstmstrat compare ")[1].split()
        assert len(proposed) == 2
        assert {line.strip() for line in listed} >= set(proposed)
        assert all((Path(one) / "summary.json").exists() for one in proposed)
    told = lstmstrat("compare", runs / "one")
    (other,) = re.findall(r"lstmstrat compare \S+/one (\S+)", told.err)
    assert (Path(other) / "summary.json").exists()


def test_what_is_wrong_with_a_comparison_is_said_before_anything_is_run(runs: Path, tmp_path: Path) -> None:
    config = written(tmp_path, tiny(forecast={"epochs": 100_000}))  # would take hours
    wrong = {
        (config,): "alone given; expected two runs or more",
        (config, runs / "none"): "there is no folder",
        (config, config): "a run is given twice",
        (runs / "one", runs / "." / "one"): "a run is given twice",
        (config, tmp_path / "none.yaml"): "no config file",
        (config, runs / "one", "--html", tmp_path / "nowhere" / "c.html"): "cannot write",
    }
    for arguments, said in wrong.items():
        told = lstmstrat("compare", *arguments)
        assert told.code == 2, arguments
        assert said in told.err
        assert len(told.err.splitlines()) == 1


def test_what_a_strategy_cannot_do_with_a_setting_is_said_by_each_command_before_the_training(
    runs: Path, tmp_path: Path
) -> None:
    """A strategy that needs two networks, where there is one, by the setting or by the model."""
    hours = {"epochs": 100_000}
    for name, forecast in {"one": {"members": 1}, "seedless": {"model": "ridge"}, "two": {"members": 2}}.items():
        values = tiny(forecast={**hours, **forecast}, strategies=[{"class": "strategies.conviction:Conviction"}])
        config = written(tmp_path / name, values)
        for arguments in (
            ["run", config, "--out", tmp_path / "out"],
            ["compare", runs / "one", config],
            ["sweep", config, "--over", "forecast.members=2,1", "--out", tmp_path / "out"],
            ["audit", config],
        ):
            if name == "two" and arguments[0] != "sweep":
                continue
            told = lstmstrat(*arguments)
            assert (told.code, told.out) == (2, ""), (name, arguments)
            assert "Conviction compares the members of an ensemble" in told.err
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_each_command_with_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    config = written(tmp_path, TINY)
    monkeypatch.setattr("lstmstrat.study.prepare.load_config", stop)
    monkeypatch.setattr("lstmstrat.results.run_folder.read", stop)
    monkeypatch.setattr("lstmstrat.commands.new.create", stop)
    for arguments in (
        ["run", config],
        ["audit", config],
        ["compare", config, "other.yaml"],
        ["sweep", config, "--over", "forecast.seed=0,1"],
        ["show", tmp_path],
        ["new", tmp_path / "new"],
    ):
        told = lstmstrat(*arguments)
        assert (told.code, told.out) == (130, ""), arguments
        assert told.err.startswith("stopped")


@pytest.mark.skipif(os.name == "nt", reason="no SIGPIPE on Windows")
def test_a_reader_who_goes_away_ends_nothing(runs: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    for arguments in (
        ["show", runs / "one", "--full"],
        ["compare", runs / "one", runs / "two"],
        ["completion", "zsh"],
    ):
        command = [sys.executable, "-m", "lstmstrat", *map(str, arguments)]
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert "BrokenPipeError" not in done.stderr
    os.close(write)
    assert signal.getsignal(signal.SIGPIPE) in (signal.SIG_IGN, signal.SIG_DFL)


def test_the_path_of_the_process_is_left_as_it_was(tmp_path: Path) -> None:
    before = list(sys.path)
    assert (
        main(["run", str(written(tmp_path, tiny(forecast=RIDGE))), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    )
    assert sys.path == before
