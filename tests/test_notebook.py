"""In a notebook: the example runs and shows what is stored in it, pictures appear, and bars show the progress."""

from __future__ import annotations

import copy
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"
BACKTRADER = """\
import backtrader as bt
import lstmstrat
prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2012-01-03"))
cerebro = bt.Cerebro(cheat_on_open=True)
_ = cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame))
_ = cerebro.addstrategy(lstmstrat.BuyAndHold)
_ = cerebro.run()"""
RUN = """\
from IPython.utils.capture import capture_output
config = {"data": {"start": "2011-01-03"}, "forecast": {"model": "ridge", "train_size": 250}}
config["strategies"] = [{"class": "strategies.long_flat:LongFlat"}]
with capture_output() as shown:
    lstmstrat.run(config)
with capture_output() as silent:
    lstmstrat.run(config, progress=False)
drawn = [output.data["text/html"] for output in shown.outputs]
print(any("<progress" in html and "simulating" in html for html in drawn))
print(drawn[-1] == "", shown.stdout == shown.stderr == "", silent.outputs)"""


@pytest.fixture
def _own_jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's history and settings are left alone, and the kernel finds this checkout."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("MPLBACKEND", raising=False)


def executed(notebook: Any, folder: Path) -> list[list[Any]]:
    """The outputs of each cell of code."""
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}})
    client.execute()
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def kinds(outputs: list[Any]) -> list[list[str]]:
    return [sorted(output.get("data", {})) for output in outputs]


def texts(outputs: list[Any]) -> list[str]:
    return [output.get("text") or output["data"]["text/plain"] for output in outputs]


@pytest.mark.usefixtures("_own_jupyter")
def test_the_example_shows_what_is_stored_in_it(tmp_path: Path) -> None:
    """Otherwise, from a new cache and ledger: jupyter execute --inplace examples/notebook.ipynb."""
    stored = nbformat.read(NOTEBOOK, as_version=4)
    before = [cell.outputs for cell in copy.deepcopy(stored).cells if cell.cell_type == "code"]
    after = executed(stored, tmp_path)
    assert [kinds(outputs) for outputs in after] == [kinds(outputs) for outputs in before]
    assert [texts(outputs) for outputs in after] == [texts(outputs) for outputs in before]
    assert sum("image/png" in kind for outputs in after for kind in kinds(outputs)) == 1
    assert 'src="data:image/png;base64,' in after[-1][-1]["data"]["text/html"]


@pytest.mark.usefixtures("_own_jupyter")
def test_a_plot_is_seen_without_magic_and_a_run_shows_its_progress(tmp_path: Path) -> None:
    sources = [
        BACKTRADER,
        "lstmstrat.plot(cerebro, width=4, height=3)[0]",
        "lstmstrat.plot(cerebro, width=4, height=3)",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})",
        RUN,
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    quiet, figure, figures, own, _, run = executed(notebook, tmp_path)
    assert not quiet
    assert kinds(figure) == [["image/png", "text/plain"]]
    assert (
        len(re.findall('<img alt="plot 1" src="data:image/png;base64,iVBOR', figures[0]["data"]["text/html"])) == 1
    )
    assert kinds(own) == [["image/png", "text/plain"]]  # and pictures of the user's go on to appear
    assert texts(run) == ["True\nTrue True []\n"]
