"""runs/index.html: what there is, with links that work from where it lies."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
from helpers.browser import chromium
from helpers.command import TINY, lstmstrat, tiny, written
from helpers.made_up import put, result

from lstmstrat.report.page.runs import runs_page
from lstmstrat.results import run_folder
from lstmstrat.results.index import runs_in, sweeps_in

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three runs, two of them in a folder with a name that an address must quote."""
    folder = tmp_path_factory.mktemp("runs")
    one = result(("one", EVIL))
    for place, when, page in (
        ("made up/first #1", "2026-01-01T10:00:00+00:00", "<p>first</p>"),
        ("made up/second", "2026-01-02T10:00:00+00:00", "<p>second</p>"),
        ("ibm/third", "2026-01-03T10:00:00+00:00", None),
    ):
        other = put(put(one.assessment, "made.when", when), "data.symbol", place[:3])
        run_folder.write(type(one)(**{**vars(one), "assessment": other}), folder / place, page)
    (folder / ".hidden.0a0a0a0a.partial").mkdir()
    shutil.copy(folder / "ibm" / "third" / "summary.json", folder / ".hidden.0a0a0a0a.partial")
    (folder / "odd").mkdir()
    (folder / "odd" / "summary.json").write_text("[" * 100_000)
    (folder / "old").mkdir()
    old = {"name": "old", "data": {"symbol": "X"}, "strategies": []}  # schema 1 or so
    (folder / "old" / "summary.json").write_text(json.dumps(old))
    (folder / "swept" / "one").mkdir(parents=True)
    (folder / "swept" / "one" / "sweep.html").write_text("<p>sweep</p>")
    return folder


def test_the_newest_comes_first_and_each_link_leads_to_a_file(made: Path) -> None:
    text = runs_page(runs_in(made), sweeps_in(made), made)
    links = [unquote(link) for link in re.findall(r'<a href="([^"]+)"', text)]
    assert links == [
        "ibm/third/summary.json",  # which has no page
        "made up/second/report.html",
        "made up/first #1/report.html",
        "old/summary.json",
        "swept/one/sweep.html",
    ]
    assert all((made / link).is_file() for link in links)
    assert "4 runs, the newest first." in text
    assert text.count("may be luck") + text.count("worse") >= 3
    assert text.count("<polyline") == 3 * 2  # holding and the first strategy


def test_names_are_escaped_and_nothing_is_asked_of_the_network(made: Path) -> None:
    text = runs_page(runs_in(made), sweeps_in(made), made)
    assert EVIL not in text
    assert "http" not in re.sub(r"https?://www\.w3\.org/\S+", "", text)
    assert len(text) < 100_000


def test_a_folder_inside_a_hidden_one_is_listed(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "ibm", tmp_path / ".cache" / "runs" / "ibm")
    assert [one.folder.name for one in runs_in(tmp_path / ".cache" / "runs")] == ["third"]


def test_of_many_runs_the_last_written_are_read(made: Path, tmp_path: Path) -> None:
    for k in range(4):
        shutil.copytree(made / "ibm" / "third", tmp_path / f"run{k}")
        os.utime(tmp_path / f"run{k}" / "summary.json", (time.time() + k, time.time() + k))
    assert sorted(one.folder.name for one in runs_in(tmp_path, most=2)) == ["run2", "run3"]
    assert "2 older: " in runs_page(runs_in(tmp_path, most=2), [], tmp_path, older=2)


def test_a_run_whose_equity_cannot_be_read_has_no_curve(made: Path, tmp_path: Path) -> None:
    for name, text in {"none": None, "cut": "date,buy_and_hold\n2004-01-05,", "text": "a\nb\n"}.items():
        shutil.copytree(made / "ibm" / "third", tmp_path / name)
        (tmp_path / name / "equity.csv").unlink()
        if text is not None:
            (tmp_path / name / "equity.csv").write_text(text)
    runs = runs_in(tmp_path)
    assert len(runs) == 3
    assert "<polyline" not in runs_page(runs, [], tmp_path)


def test_show_writes_the_list_of_a_folder(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "runs")
    told = lstmstrat("show", tmp_path / "runs", "--html")
    assert told.code == 0, told.err
    assert told.out.splitlines()[-1] == str(tmp_path / "runs" / "index.html")
    again = lstmstrat("show", tmp_path / "runs", "--html")  # and over the one that is there
    assert again == told
    assert not list((tmp_path / "runs").glob(".index*"))


def test_a_run_lists_itself_and_a_run_elsewhere_lists_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").symlink_to(Path(__file__).parents[2] / "strategies")
    path = written(tmp_path, tiny(forecast={"model": "ridge", "members": 1}))
    assert lstmstrat("run", path, "--quiet").code == 0
    index = tmp_path / "runs" / "index.html"
    (link,) = re.findall(r'<a href="([^"]+)"', index.read_text())
    assert re.fullmatch(r"tiny/\d{4}-\d\d-\d\d_\d{6}/report\.html", link)
    assert (index.parent / link).is_file()
    assert lstmstrat("run", path, "--quiet", "--out", "elsewhere/one").code == 0
    assert not (tmp_path / "elsewhere" / "index.html").exists()
    assert index.read_text().count("<a href") == 1
    assert lstmstrat("run", path, "--quiet", "--out", "runs/two").code == 0
    assert index.read_text().count("<a href") == 2


def test_a_list_that_cannot_be_written_loses_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").symlink_to(Path(__file__).parents[2] / "strategies")
    (tmp_path / "runs" / "index.html").mkdir(parents=True)
    (tmp_path / "runs" / "index.html" / "x").write_text("")
    told = lstmstrat("run", written(tmp_path, TINY), "--quiet", "--jobs", 1)
    assert told.code == 0
    assert told.err.startswith("note: cannot write runs/index.html: ")
    assert Path(told.out.strip()).is_file()


@pytest.mark.parametrize("width", [390, 1440])
def test_it_opens_in_a_browser_and_is_as_wide_as_the_screen(width: int, made: Path, tmp_path: Path) -> None:
    (made / "index.html").write_text(runs_page(runs_in(made), sweeps_in(made), made))
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": width, "height": 900})
        errors: list[str] = []
        tab.on("console", lambda message: errors.append(message.text))
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto((made / "index.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.click("text=made-up >> nth=1")
        assert tab.content().count("second") == 1
        assert errors == []
        tab.close()
    (made / "index.html").unlink()
