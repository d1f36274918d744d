"""What a result, a comparison and a sweep show by themselves, and what they write."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from helpers import made_up
from helpers.command import tiny

import lstmstrat
from lstmstrat import ConfigError, DataConfig, DataError, Ledger, Result, Session, Store, StrategyError
from lstmstrat.report import answer
from lstmstrat.report.comparison import markdown
from lstmstrat.report.page import page
from lstmstrat.report.page.compare import comparison_page
from lstmstrat.report.terminal import print_comparison

EVIL = "<script>alert(1)</script>"


def quiet() -> Session:
    return Session(Store(None), ledger=Ledger(None))


@pytest.fixture(scope="module")
def result() -> Iterator[Result]:
    with quiet() as session:
        yield lstmstrat.run(tiny(), session=session)


def shown(found: Any) -> ElementTree.Element:
    """The HTML as a tree: it is well-formed, so nothing in it can open or close what is around it."""
    return ElementTree.fromstring(found._repr_html_())


def texts(tree: ElementTree.Element, tag: str) -> list[str]:
    return ["".join(element.itertext()) for element in tree.iter(tag)]


def evil() -> Result:
    return Result.of(made_up.result((EVIL, "other")))


def test_the_repr_is_three_lines_that_say_what_came_out(result: Result) -> None:
    for found in (
        result,
        Result.of(made_up.result()),
        Result.of(made_up.result(tuple(f"s{k}" for k in range(20)))),
    ):
        lines = repr(found).splitlines()
        assert len(lines) <= 3
        assert all(len(line) < 300 for line in lines)
        assert answer.sentence(found.assessment) in repr(found)


def test_a_notebook_gets_the_sentence_the_table_and_the_curve(result: Result) -> None:
    tree = shown(result)
    sentence, money, label = texts(tree, "p")
    assert sentence == answer.sentence(result.assessment)
    assert money == answer.money(result.assessment, result.assessment.strategies[0])
    assert texts(tree, "th")[-3:] == ["holding", "long_flat", "cross"]
    for name in ("buy_and_hold", "long_flat", "cross"):
        assert f"{result.metrics.loc[name, 'sharpe']:.2f}" in texts(tree, "td")
    lines = [element.get("points", "").split() for element in tree.iter("polyline")]
    assert len(lines) == 2
    assert "long_flat (blue), holding AAPL (grey)" in label


def test_the_curve_is_the_equity_on_a_log_scale(result: Result) -> None:
    """The ends and the extremes, by hand: 640 wide, 220 high, the highest of both curves at the top."""
    equity = result.equity[["buy_and_hold", "long_flat"]]
    low, high = np.log(equity.to_numpy().min()), np.log(equity.to_numpy().max())
    for element, name in zip(shown(result).iter("polyline"), equity, strict=True):
        drawn = [tuple(map(float, point.split(","))) for point in element.get("points", "").split()]
        for point, value, x in ((drawn[0], equity[name].iloc[0], 0.0), (drawn[-1], equity[name].iloc[-1], 640.0)):
            assert point[0] == x
            assert point[1] == pytest.approx(220.0 * (high - np.log(value)) / (high - low), rel=1e-3, abs=0.1)


def test_no_text_of_the_users_is_html() -> None:
    assert "<script" not in evil()._repr_html_()
    assert EVIL in texts(shown(evil()), "th")


def test_nothing_runs_and_nothing_is_asked_for() -> None:
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Seen(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    Seen().feed(evil()._repr_html_())
    for tag, attributes in tags:
        assert tag not in ("script", "link", "iframe", "img", "style")
        assert not {name for name in attributes if name.startswith("on") or name in ("src", "href")}


def test_it_is_read_on_white_and_on_black() -> None:
    """No background and no colour of text is set; the line has 3:1 on both, by the formula of WCAG 2."""
    html = evil()._repr_html_()
    assert not re.search(r"background|[^-]color:", html)

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255.0 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    strokes = set(re.findall(r'stroke="([^"]+)"', html)) - {"currentColor"}
    for colour in strokes:
        assert 1.05 / (luminance(colour) + 0.05) >= 3.0
        assert (luminance(colour) + 0.05) / 0.05 >= 3.0


def test_unusual_runs_are_shown_too() -> None:
    lost = made_up.result(("one",))
    equity = lost.equity.copy()
    equity.iloc[100:, 1] = -3.0
    undefined = made_up.put(lost.assessment, "strategies.0.metrics.cagr", None)
    for found in (replace(lost, equity=equity), replace(lost, assessment=undefined)):
        assert shown(Result.of(found)) is not None
        assert Result.of(found).plot() is not None


def test_a_picture_has_the_curves_and_touches_no_backend() -> None:
    script = """
import matplotlib, sys
sys.path.insert(0, "tests")
from helpers import made_up
from lstmstrat import Result
def settings():  # asking for the backend would choose one
    return {key: matplotlib.rcParams[key] for key in matplotlib.rcParams.keys() - {"backend"}}
before = settings()
figure = Result.of(made_up.result(("_first", "b"))).plot(width=5, height=3)
assert settings() == before
assert "matplotlib.pyplot" not in sys.modules
above, below = figure.axes
print([line.get_label().strip("\\u200b") for line in above.lines], len(below.lines), figure.get_size_inches())
print(figure._repr_png_()[:4])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "['others', 'buy_and_hold', '_first'] 2 [5. 3.]\nb'\\x89PNG'\n"


def test_the_picture_shows_equity_and_drawdown(result: Result) -> None:
    above, below = result.plot().axes
    lines = {line.get_label().strip("\u200b"): line.get_ydata() for line in above.lines}
    for label, name in {"others": "cross", "buy_and_hold": "buy_and_hold", "long_flat": "long_flat"}.items():
        np.testing.assert_array_equal(lines[label], result.equity[name])
    fell = [line.get_ydata().min() for line in below.lines]
    assert fell == pytest.approx(result.metrics.loc[["buy_and_hold", "long_flat"], "max_drawdown"].tolist())


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, result: Result) -> None:
    monkeypatch.delitem(sys.modules, "lstmstrat.report.picture", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r'pip install "lstmstrat\[plot\]"'):
        result.plot()


def test_report_writes_the_page(result: Result, tmp_path: Path) -> None:
    path = result.report(str(tmp_path / "mine.html"))
    assert path == tmp_path / "mine.html"
    assert path.read_text(encoding="utf-8") == page(result)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.html"]
    with pytest.raises(ConfigError, match="cannot write"):
        result.report(tmp_path / "none" / "mine.html")


@pytest.mark.parametrize("given", [3, None, b"page.html", {}])
def test_what_is_no_name_of_a_file_is_refused_in_a_sentence(result: Result, given: Any) -> None:
    calls: list[Callable[[Any], Any]] = [result.report, result.save]
    if given is not None:  # None writes no file
        calls.append(lambda path: result.to_tradingview(path=path))
    for call in calls:
        with pytest.raises(ConfigError, match=f"{type(given).__name__} given, expected the name of a"):
            call(given)


@pytest.mark.parametrize("given", ["holding", "lon_flat", "", 3, ["long_flat"]])
def test_an_account_that_is_none_is_answered_with_those_there_are(result: Result, given: Any) -> None:
    for call in (result.transactions, result.positions, result.to_quantstats, result.to_tradingview):
        with pytest.raises(StrategyError) as caught:
            call(given)
        said = "given, which is no account of this run (buy_and_hold is holding the asset); "
        near = "did you mean 'long_flat'?" if "_flat" in str(given) else "known: buy_and_hold, cross, long_flat"
        assert str(caught.value) == f"{given!r} {said}{near}"
    assert len(result.transactions("buy_and_hold"))


def test_save_writes_the_run_folder_and_load_reads_it(result: Result, tmp_path: Path) -> None:
    place = result.save(tmp_path / "run")
    assert place == tmp_path / "run"
    assert (place / "report.html").read_text(encoding="utf-8") == page(result)
    again = lstmstrat.load_run(str(place))
    assert isinstance(again, lstmstrat.Result)
    assert again.assessment == result.assessment
    assert again._repr_html_() == result._repr_html_()
    with pytest.raises(ConfigError, match="is not empty"):
        result.save(place)


# --- sweep and compare


def test_a_sweep_in_python_is_that_of_the_command(tmp_path: Path) -> None:
    from lstmstrat.study.prepare import load_config
    from lstmstrat.study.sweep import axes_of
    from lstmstrat.study.sweep import sweep as of_texts

    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny()))
    over = {"forecast.epochs": [1, 2], "strategies.0.params.threshold": [0.0, 1e-05]}
    texts_ = ["forecast.epochs=1,2", "strategies.0.params.threshold=0.0,1.0e-05"]
    with quiet() as one, quiet() as other:
        mine = lstmstrat.sweep(tiny(), over, session=one)
        typed = of_texts(lambda settings: load_config(path, settings), axes_of(texts_), other)
        assert (one.fitted, one.cached) == (other.fitted, other.cached)
    assert mine.axes == typed.axes
    assert mine.outcomes == typed.outcomes


def test_a_sweep_takes_classes_prices_and_numbers_of_numpy() -> None:
    from strategies.long_flat import LongFlat

    prices = lstmstrat.load_prices(DataConfig(**tiny()["data"]))
    config = {**tiny(strategies=[LongFlat]), "data": {}}
    with quiet() as session:
        found = lstmstrat.sweep(
            config, {"strategies.0.params.threshold": np.array([0.0, 0.5])}, prices=prices.frame, session=session
        )
    assert found.axes[0].values == ("0.0", "0.5")
    assert found.table()["final_value"].iloc[1] == 100_000.0  # a forecast above 50 % never comes
    assert found.symbol == "the asset"


def test_a_sweep_takes_strategies_in_place_of_those_of_its_config() -> None:
    from strategies.long_flat import LongFlat
    from strategies.sma_cross import SmaCross

    without = {key: value for key, value in tiny().items() if key != "strategies"}
    over = {"strategies.0.params.threshold": [0.0, 0.001]}
    with quiet() as one, quiet() as other:
        given = lstmstrat.sweep(
            without, over, strategies=[LongFlat, (SmaCross, {"fast": 5, "slow": 10})], session=one
        )
        named = lstmstrat.sweep(tiny(), over, session=other)
    assert given.strategies == ("long_flat", "sma_cross")
    assert [replace(a, strategy="") for a in given.outcomes] == [replace(b, strategy="") for b in named.outcomes]


def test_a_sweep_over_dates_of_prices_may_begin_earlier_than_its_config() -> None:
    prices = lstmstrat.load_prices(DataConfig(symbol="AAPL", start="2004-01-02", end="2006-03-31"))
    with quiet() as session:
        found = lstmstrat.sweep(
            tiny(), {"data.start": ["2004-06-01", "2005-01-03"]}, prices=prices, session=session
        )
    assert {one.place for one in found.outcomes} == {(0,), (1,)}
    assert len({one.final_value for one in found.outcomes if one.strategy == "long_flat"}) == 2


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, 'expected keys and their values, such as {"forecast.epochs": [6, 10]}'),
        (["forecast.epochs=6"], "expected keys and their values"),
        ({"forecast.epochs": 6}, "forecast.epochs: 6 given, expected a list of values"),
        ({"forecast.epochs": "6,10"}, "forecast.epochs: '6,10' given, expected a list of values"),
        ({"forecast.epochs": []}, "forecast.epochs: expected values that differ, found none"),
        ({"forecast.epochs": [6, 6]}, "forecast.epochs: expected values that differ, found 6, 6"),
        ({"forecast.epochs": [object]}, "given, expected text, numbers, true or false, or lists of them"),
        ({"forecast.epochs": [6, 0]}, "forecast.epochs: 0 given, expected greater than or equal to 1"),
        ({"forecast.epohcs": [6, 7]}, "forecast.epohcs: unknown key; did you mean 'epochs'?"),
        ({"strategies.7.name": ["a", "b"]}, "'7' is no position in a list of 2"),
        ({"forecast.seed": range(1001)}, "1,001 points, expected at most 1,000"),
    ],
)
def test_a_wrong_sweep_is_refused_before_anything_is_trained(over: Any, said: str) -> None:
    with quiet() as session, pytest.raises(ConfigError) as caught:
        lstmstrat.sweep(tiny(), over, session=session)
    assert said in str(caught.value)
    assert session.fitted == 0


def test_a_sweep_shows_its_sentences_and_points() -> None:
    with quiet() as session:
        found = lstmstrat.sweep(
            tiny(strategies=[{"class": "strategies.long_flat:LongFlat", "name": EVIL}]),
            {"strategies.0.params.threshold": [0.0, 0.001]},
            session=session,
        )
    tree = shown(found)
    assert len(repr(found).splitlines()) == 3
    assert "Without a ledger nobody knows" in texts(tree, "p")[0]
    assert texts(tree, "td").count(EVIL) == 2


def test_results_and_folders_are_compared(result: Result, tmp_path: Path) -> None:
    with quiet() as session:
        other = lstmstrat.run(tiny(forecast={"epochs": 2}), session=session)
    place = result.save(tmp_path / "run")
    of_values = lstmstrat.compare([result, other])
    assert of_values.differing == ("forecast.epochs",)
    assert [run.label for run in of_values.runs] == ["epochs=1", "epochs=2"]
    for runs in ([place, other], [str(place), other]):
        assert lstmstrat.compare(runs).contenders == of_values.contenders
    third = replace(other, equity=other.equity * 2.0)
    assert [run.place for run in lstmstrat.compare([result, other, third]).runs] == ["tiny", "tiny #2", "tiny #3"]
    for twice in ([result, other, result], [result, place], {"a": place, "b": tmp_path / "." / "run"}):
        with pytest.raises(ConfigError, match="a run is given twice"):
            lstmstrat.compare(twice)
    assert [run.place for run in lstmstrat.compare({"a": other, "b": place}).runs] == ["a", "b"]
    assert "epochs=2: long_flat" in texts(shown(of_values), "th")
    assert repr(of_values).startswith("<Comparison of 2 runs>\n")


def test_the_names_of_a_dict_are_what_its_runs_are_called_everywhere(
    result: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with quiet() as session:
        other = lstmstrat.run(tiny(forecast={"epochs": 2}), session=session)
    found = lstmstrat.compare({"short": result.save(tmp_path / "run"), "a|<b>": other})
    print_comparison(found)
    table = capsys.readouterr().out
    for text in (table, markdown(found).replace("\\|", "|"), comparison_page(found).replace("&lt;b&gt;", "<b>")):
        assert "short" in text
        assert "a|<b>" in text
        assert "epochs=2" not in text
    assert found.table()["run"].tolist()[-4:] == ["short"] * 2 + ["a|<b>"] * 2
    assert "a|<b>: long_flat" in texts(shown(found), "th")


@pytest.mark.parametrize(
    ("runs", "kind", "said"),
    [
        ("runs/one", ConfigError, "str given, expected a list of results or of run folders"),
        (3, ConfigError, "int given, expected a list"),
        ([3, 4], ConfigError, "int given, expected a result or the folder of a run"),
        ([], ConfigError, "0 runs given; expected at least two"),
        (["nowhere", "nowhere"], DataError, "there is no folder nowhere"),
        (
            [tiny(), tiny()],
            ConfigError,
            "a config given; run it first: lstmstrat.compare([lstmstrat.run(config), ...])",
        ),
        (["a.yaml", "b"], ConfigError, "a.yaml given, which is a config; run it first: "),
        (
            {"a\nb": "one", "c": "two"},
            ConfigError,
            "a run is called 'a\\nb'; expected letters",
        ),
        ({"": "one", "c": "two"}, ConfigError, "a run is called ''; expected another first letter"),
        ({1: "one", "1": "two"}, ConfigError, "two runs are called '1'; give one of them another name"),
    ],
)
def test_what_cannot_be_compared_is_refused(runs: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=re.escape(said)):
        lstmstrat.compare(runs)
