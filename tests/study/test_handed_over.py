"""What `lstmstrat.run` takes: a config in any form, prices, and strategy classes as such."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.command import tiny, what_it_found

import lstmstrat
from lstmstrat import Config, ConfigError, DataConfig, DataError, ForecastStrategy, Ledger, Session, Store
from lstmstrat.config.files import dump, parse
from lstmstrat.config.identity import identify
from lstmstrat.config.validation import validated
from lstmstrat.prices.sources import load
from lstmstrat.report import terminal
from lstmstrat.study.prepare import config_of
from strategies.long_flat import LongFlat

DATA = DataConfig(symbol="AAPL", start="2005-01-03", end="2006-03-31")


class Mine(ForecastStrategy):
    params = (("threshold", 0.0),)

    def target_exposure(self) -> float:
        return 1.0 if self.forecast > self.p.threshold else 0.0


def made_in_a_function(exposure: float) -> type[Any]:
    """A class that nothing can import, and whose rule is partly in a closure."""

    class Inner(ForecastStrategy):
        def target_exposure(self) -> float:
            return exposure if self.forecast > 0.0 else 0.0

    return Inner


def quiet() -> Session:
    return Session(Store(None), ledger=Ledger(None))


# --- the config


def test_a_path_a_dict_and_a_config_are_the_same_run(tmp_path: Path) -> None:
    values = tiny()
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(values))
    forms = [str(path), path, values, Config.model_validate(values)]
    found = [lstmstrat.run(form, session=quiet()) for form in forms]  # type: ignore[arg-type]
    assert [what_it_found(one.summary) for one in found] == [what_it_found(found[0].summary)] * 4


@pytest.mark.parametrize("given", [None, 3, [], object(), b"tiny.yaml"])
def test_anything_else_is_refused_in_a_sentence(given: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"config: \w+ given, expected a Config, a dict .* or the name of a YAML"
    ):
        lstmstrat.run(given)


def test_all_mistakes_of_a_dict_are_told_at_once() -> None:
    wrong = {
        "dat": 1,
        "forecast": {"epochs": 0, "model": "rigde"},
        "strategies": [Mine, 3, {"class": 5}, {"class": Mine, "parms": {}}],
    }
    with pytest.raises(ConfigError) as caught:
        lstmstrat.run(wrong)
    for sentence in (
        "dat: unknown key; did you mean 'data'?",
        "forecast.epochs: 0 given",
        "forecast.model: 'rigde' is not known; did you mean 'ridge'?",
        "strategies.1: 3 given, expected a section",
        "strategies.2.class: 5 given, expected module:Class, such as strategies.long_flat:LongFlat, or in",
        "strategies.3.parms: unknown key; did you mean 'params'?",
    ):
        assert sentence in str(caught.value)


def test_numbers_of_numpy_are_numbers() -> None:
    forecast = {"epochs": np.int64(2), "learning_rate": np.float64(0.01), "quantiles": [np.float64(0.1), 0.9]}
    strategy = {"class": LongFlat, "params": {"threshold": np.float32(0.5)}}
    config = config_of({"forecast": forecast, "strategies": [strategy]})
    assert (config.forecast.epochs, config.forecast.learning_rate) == (2, 0.01)
    assert config.strategies[0].params == {"threshold": 0.5}
    assert type(config.forecast.epochs) is int
    assert type(config.strategies[0].params["threshold"]) is float


@pytest.mark.parametrize("notebook", [True, False])
@pytest.mark.parametrize("progress", [None, True, False])
def test_progress_is_shown_where_it_is_wanted(
    progress: bool | None, notebook: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told, stages = list[bool](), terminal.stages

    def seen(*, quiet: bool) -> Any:
        told.append(not quiet)
        return stages(quiet=True)

    monkeypatch.setattr(terminal, "stages", seen)
    monkeypatch.setattr(terminal, "in_notebook", lambda: notebook)
    lstmstrat.run(tiny(forecast={"model": "always_up"}), session=quiet(), progress=progress)
    assert told == [notebook if progress is None else progress]
    assert capsys.readouterr() == ("", "")


# --- strategies


def test_a_class_does_what_its_name_does() -> None:
    by_name = lstmstrat.run(tiny(), session=quiet())
    text, _ = by_name.config.strategies
    as_such = lstmstrat.run(tiny(strategies=[LongFlat, *tiny()["strategies"][1:]]), session=quiet())
    assert what_it_found(as_such.summary) == what_it_found(by_name.summary)
    assert as_such.config.strategies[0].class_ is LongFlat
    assert as_such.config.strategies[0].path == text.path == "strategies.long_flat:LongFlat"
    assert parse(dump(as_such.config)) == parse(dump(by_name.config))


def test_a_class_with_other_parameters_needs_no_name() -> None:
    config = config_of({}, [Mine, (Mine, {"threshold": 0.01}), (LongFlat, {"threshold": 0.5})])
    assert [one.label for one in config.strategies] == ["mine", "mine(threshold=0.01)", "long_flat"]
    assert [one.params for one in config.strategies] == [{}, {"threshold": 0.01}, {"threshold": 0.5}]


def test_two_of_one_name_are_refused_as_in_a_file() -> None:
    with pytest.raises(ConfigError, match="two strategies are called 'mine'"):
        config_of({}, [Mine, Mine])


def test_strategies_stand_in_place_of_those_of_any_config(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny()))
    for form in (path, tiny(), Config.model_validate(tiny())):
        assert [one.class_ for one in config_of(form, [Mine]).strategies] == [Mine]


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        (int, "'builtins:int' is not a Backtrader strategy"),
        (ForecastStrategy, "does not say what to hold; define target_exposure"),
        ((Mine, {"treshold": 0.1}), "treshold: unknown parameter; did you mean 'threshold'?"),
        ((Mine, {"threshold": "x"}), "threshold: 'x' given"),
    ],
)
def test_a_class_is_checked_like_one_that_is_named(strategy: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        lstmstrat.run(tiny(), strategies=[strategy])
    assert said in str(caught.value)


def test_the_identity_of_a_class_is_what_it_does_wherever_it_was_made() -> None:
    one, same, other = (made_in_a_function(exposure) for exposure in (1.0, 1.0, 0.5))
    assert identify(one) == identify(same)
    assert identify(one) != identify(other)
    assert identify(one).sha256


def test_a_class_from_a_function_runs_as_the_very_class_that_was_given() -> None:
    full, half = made_in_a_function(1.0), made_in_a_function(0.5)
    named = [{"class": full, "name": "full"}, {"class": half, "name": "half"}]
    result = lstmstrat.run(tiny(strategies=named), session=quiet())
    assert result.exposure["full"].max() == pytest.approx(1.0, abs=0.03)
    assert result.exposure["half"].max() == pytest.approx(0.5, abs=0.06)  # it moves with the price
    # The accounts are told apart in the ledger by what they did, though both classes are called alike.
    assert result.assessment.trials.count == 2


def test_what_needs_the_class_once_more_finds_it() -> None:
    """Seeds, worlds, the ladder and the histories that end early run the class again."""
    full = made_in_a_function(1.0)
    report = {"seeds": 2, "worlds": 20, "ladder": True}
    result = lstmstrat.run(tiny(strategies=[full], report=report), session=quiet())
    checks = {check.name: check.status for check in result.assessment.checks}
    assert checks["cut bars"] == "passed"
    luck = result.assessment.strategies[0].luck
    assert luck.seeds is not None
    assert luck.worlds is not None
    assert result.assessment.ladder


@pytest.mark.parametrize("make", [lambda: Mine, lambda: made_in_a_function(1.0)])
def test_the_page_of_a_class_can_be_read_back(make: Callable[[], type[Any]], tmp_path: Path) -> None:
    result = lstmstrat.run(tiny(strategies=[make()]), session=quiet())
    again = lstmstrat.load_run(result.save(tmp_path / "run"))
    assert again.assessment == result.assessment


def test_a_config_says_what_no_file_can_hold() -> None:
    inner = dump(config_of(tiny(strategies=[made_in_a_function(1.0)])))
    assert inner.startswith("# strategies.0: Inner was defined in a notebook, a script or a function")
    assert "class: mine:Inner" in inner.splitlines()[0]
    assert not dump(config_of(tiny(strategies=[Mine]))).startswith("#")  # it can be imported
    assert validated(Config, parse(inner), "").strategies[0].class_.endswith("<locals>.Inner")


def test_a_notebooks_class_may_be_text_or_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    import __main__

    monkeypatch.setattr(__main__, "Cell", type("Cell", (Mine,), {"__module__": "__main__"}), raising=False)
    for form in ("__main__:Cell", __main__.Cell):
        config = config_of(tiny(strategies=[{"class": form}]))
        assert "# strategies.0: Cell was defined in a notebook" in dump(config)


def test_a_config_with_a_class_of_a_module_can_be_sent() -> None:
    config = config_of(tiny(strategies=[Mine]))
    assert pickle.loads(pickle.dumps(config)) == config


# --- prices


def test_a_frame_is_the_same_run_as_the_file_it_is_from() -> None:
    prices = load(DATA)
    mine = {key: value for key, value in tiny().items() if key != "data"}
    from_source = lstmstrat.run(tiny(), session=quiet())
    for given in (prices, prices.frame, prices.frame.rename(columns=str.title)):
        result = lstmstrat.run(mine, prices=given, session=quiet())
        assert result.assessment.data.sha256 == from_source.assessment.data.sha256
        pd.testing.assert_frame_equal(result.equity, from_source.equity, check_exact=True)


def test_what_data_says_of_a_source_is_not_read(tmp_path: Path) -> None:
    prices = load(DATA)
    csv = {"source": "csv", "path": str(tmp_path / "none.csv"), "columns": {"date": "when"}, "decimal": ","}
    result = lstmstrat.run({**tiny(), "data": csv}, prices=prices, session=quiet())
    assert result.config.data == DataConfig(symbol="AAPL", source="frame")


def test_dates_findings_and_columns_of_data_count(tmp_path: Path) -> None:
    prices = load(DataConfig(symbol="AAPL"))
    (tmp_path / "mood.csv").write_text("date,mood\n2005-01-03,1.0\n2005-06-01,2.0\n")
    data = {
        "start": "2005-01-03",
        "end": "2006-03-31",
        "accepted": ["2005-02-28"],
        "extra": [{"name": "mood", "path": str(tmp_path / "mood.csv")}],
    }
    result = lstmstrat.run({**tiny(), "data": data}, prices=prices, session=quiet())
    assert result.assessment.data.first == "2005-01-03"
    assert result.assessment.data.last == "2006-03-31"
    assert [one.name for one in result.assessment.data.outside] == ["mood"]
    assert any("2005-02-28 is the date of no finding" in notice for notice in result.assessment.data.notices)


def test_dates_outside_of_the_prices_are_told() -> None:
    with pytest.raises(DataError, match=r"AAPL \(frame\): start: 1990-01-02 is outside the data"):
        lstmstrat.run({**tiny(), "data": {"start": "1990-01-02"}}, prices=load(DATA))


def test_a_frame_is_called_what_the_config_calls_it() -> None:
    frame = load(DATA).frame
    named = lstmstrat.run({**tiny(), "data": {"symbol": "MINE"}}, prices=frame, session=quiet())
    unnamed = lstmstrat.run({**tiny(), "data": {}}, prices=frame, session=quiet())
    assert (named.assessment.data.symbol, unnamed.assessment.data.symbol) == ("MINE", "the asset")


def test_the_ledger_knows_prices_by_their_content() -> None:
    frame = load(DATA).frame
    with Session(Store(None)) as session:
        for name in ("ONE", "TWO"):
            result = lstmstrat.run({**tiny(), "data": {"symbol": name}}, prices=frame, session=session)
        assert result.assessment.trials.count == 2  # of two strategies: the second run is the first one once more
        other = frame.iloc[::-1].set_axis(frame.index)  # another history under the same name
        high, low = other[["open", "close", "high"]].max(axis=1), other[["open", "close", "low"]].min(axis=1)
        other = other.assign(high=high, low=low)
        result = lstmstrat.run({**tiny(), "data": {"symbol": "TWO"}}, prices=other, session=session)
        assert result.assessment.trials.count == 2  # of this asset


def test_a_config_of_prices_from_python_does_not_run_on_others() -> None:
    result = lstmstrat.run(tiny(), prices=load(DATA), session=quiet())
    text = dump(result.config)
    assert text.startswith("# data: the prices were handed over in Python")
    with pytest.raises(DataError, match="source: frame stands for prices that were handed over in Python"):
        lstmstrat.run(parse(text))
    again = lstmstrat.run(parse(text), prices=load(DATA), session=quiet())
    pd.testing.assert_frame_equal(again.equity, result.equity, check_exact=True)


BARS = pd.DataFrame(
    {"open": [1.0, 2.0, 3.0], "high": 5.0, "low": 0.5, "close": [2.0, 3.0, 4.0], "volume": 1.0},
    index=pd.date_range("2024-01-02", periods=3),
)


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ([1.0], "list given, expected a DataFrame"),
        ("prices.csv", "str given, expected a DataFrame"),
        (pd.DataFrame(), "no column"),
        (BARS.assign(open="x"), "open is 'x', expected a number"),
        (BARS * -1.0, "expected prices above 0"),
        (BARS.set_axis(["2024-01-02", "2024-01-02", "2024-01-03"]), "given twice, with different values"),
    ],
)
def test_what_cannot_be_prices_is_refused_in_a_sentence(prices: Any, said: str) -> None:
    """No argument would help, so none is named: the frame is to be corrected."""
    with pytest.raises(DataError, match=said) as caught:
        lstmstrat.run(tiny(), prices=prices)
    assert "from_frame" not in str(caught.value)


def test_where_an_argument_is_the_cure_it_is_said_how_to_give_it() -> None:
    frame = lstmstrat.load_prices(DATA).frame
    frame = frame[frame.index.day <= 12]
    frame = frame.set_axis(frame.index.strftime("%d/%m/%Y")).rename_axis("Date")
    with pytest.raises(DataError, match="pass date_format='%d/%m/%Y'") as caught:
        lstmstrat.run(tiny(), prices=frame)
    said = "hand them over: prices=lstmstrat.Prices.from_frame(frame, 'AAPL', date_format=...)"
    assert str(caught.value).endswith(said)
    prices = lstmstrat.Prices.from_frame(frame, "AAPL", date_format="%d/%m/%Y")
    assert prices.frame.index[0] == pd.Timestamp("2005-01-03")


def test_prices_are_loaded_from_a_dict_too() -> None:
    given = {"symbol": "AAPL", "start": "2005-01-03", "end": "2006-03-31"}
    assert lstmstrat.load_prices(given).sha256 == lstmstrat.load_prices(DATA).sha256
    with pytest.raises(ConfigError, match="symbl: unknown key; did you mean 'symbol'"):
        lstmstrat.load_prices({"symbl": "AAPL"})


@pytest.mark.parametrize("given", ["AAPL", 3, None, [], b"AAPL", DataConfig])
def test_what_is_no_section_of_prices_is_refused_with_one_that_is(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"given, expected a DataConfig or a dict of its keys") as caught:
        lstmstrat.load_prices(given)
    shown = str(caught.value).partition("such as load_prices(")[2].removesuffix(")")
    assert lstmstrat.load_prices(yaml.safe_load(shown)).symbol == "AAPL"


@pytest.mark.parametrize("given", [{}, 3, None, [], b"a.yaml", Path])
def test_what_is_no_name_is_refused_in_a_sentence(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"given, expected the name of a YAML file"):
        lstmstrat.load_config(given)
    with pytest.raises(ConfigError, match=r"given, expected the name of a run folder"):
        lstmstrat.load_run(given)


def test_prices_keep_what_came_with_them(tmp_path: Path) -> None:
    """The columns from outside that `Prices` has are there, unless the config has its own."""
    (tmp_path / "mood.csv").write_text("date,mood\n2005-01-03,1.0\n2005-06-01,2.0\n")
    extra = [{"name": "mood", "path": str(tmp_path / "mood.csv")}]
    prices = load(DataConfig(**{**DATA.model_dump(), "extra": extra}))
    result = lstmstrat.run({**tiny(), "data": {}}, prices=prices, session=quiet())
    assert [one.name for one in result.assessment.data.outside] == ["mood"]
    assert result.assessment.data.sha256 == prices.sha256


def test_nothing_of_the_users_is_changed() -> None:
    frame, config = load(DATA).frame, tiny(strategies=[LongFlat])
    before, text = frame.copy(), repr(config)
    lstmstrat.run(config, prices=frame, session=quiet())
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    assert repr(config) == text


def test_a_strategy_of_backtrader_alone_is_one_too() -> None:
    class Plain(bt.Strategy):
        def next(self) -> None:
            if not self.position:
                self.buy(size=1)

    result = lstmstrat.run(tiny(strategies=[Plain]), session=quiet())
    assert result.metrics.loc["plain", "trades"] == 1


def test_prices_of_another_symbol_are_called_by_it() -> None:
    prices = replace(load(DATA), symbol="OTHER")
    assert lstmstrat.run(tiny(), prices=prices, session=quiet()).config.data.symbol == "OTHER"
