"""What a config may say: every wrong key and value, and the sentence it is answered with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.command import TINY, tiny, written

import lstmstrat
from lstmstrat import WalkForward
from lstmstrat.config.files import dump, override, parse, read
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.schema import Config, StrategyConfig
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError
from lstmstrat.forecasting.models import MODELS, model_of, settled
from lstmstrat.study.prepare import load_config
from strategies.long_flat import LongFlat

ROOT = Path(__file__).parents[2]
NO_MODEL = (
    "is no model; expected a class of lstmstrat.Model with fit(), a lstmstrat.TorchModel whose network() returns "
    "the layers, or a scikit-learn regressor"
)


def refusal(values: Any) -> str:
    """What is said of a config that cannot be."""
    with pytest.raises(ConfigError) as error:
        validated(Config, values, "config:")
    return str(error.value)


def forecast(**changes: Any) -> ForecastConfig:
    return validated(ForecastConfig, {**TINY["forecast"], **changes}, "forecast:")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (tiny(dat={}), "dat: unknown key; did you mean 'data'?"),
        (
            tiny(**{"data.faults": "drop"}),
            "data.faults: unknown key; write faults: under data:",
        ),
        (tiny(data={"symbl": "AAPL"}), "data.symbl: unknown key; did you mean 'symbol'?"),
        (tiny(forecast={"lokback": 5}), "forecast.lokback: unknown key; did you mean 'lookback'?"),
        (tiny(broker={"comission": 0.0}), "broker.comission: unknown key; did you mean 'commission'?"),
        (tiny(report={"htm": False}), "report.htm: unknown key; did you mean 'html'?"),
        (tiny(strategies=[{"class": "a:B", "nam": "x"}]), "strategies.0.nam: unknown key; did you mean 'name'?"),
        (
            tiny(broker={"leverage": 2}),
            "broker.leverage: unknown key; known: cash, commission, fractional, slippage",
        ),
        ({**TINY, 1: 2}, "1: unknown key; known: broker, data, forecast, name, portfolio, report, strategies"),
        (
            {"name": "x"},
            'strategies: expected at least one in the list, such as - class: "strategies.long_flat:LongFlat"',
        ),
        (tiny(strategies=[{"name": "x"}]), "strategies.0.class: missing; it has no default"),
    ],
)
def test_a_key_that_is_not_known_or_missing_is_named_with_the_nearest_right_one(
    values: dict[Any, Any], sentence: str
) -> None:
    assert refusal(values) == f"config:\n  {sentence}"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (tiny(name=5), "name: 5 given, expected text"),
        (tiny(name="a/b"), "name: 'a/b' given, expected letters, digits, dots, dashes and underscores"),
        (tiny(data=5), "data: 5 given, expected a section"),
        (tiny(forecast=None), "forecast: nothing given, expected a section"),
        (tiny(data={"start": "yesterday"}), "data.start: 'yesterday' given, expected a date such as 2005-01-31"),
        (
            tiny(data={"source": "yaho"}),
            "data.source: 'yaho' given, expected 'bundled', 'yahoo', 'csv', 'parquet' or 'frame'",
        ),
        (tiny(data={"symbol": parse("2005-01-03")}), "data.symbol: 2005-01-03 given, expected text"),
        (tiny(forecast={"lookback": "abc"}), "forecast.lookback: 'abc' given, expected a whole number"),
        (tiny(forecast={"lookback": 5.5}), "forecast.lookback: 5.5 given, expected a whole number"),
        (tiny(forecast={"lookback": True}), "forecast.lookback: true given, expected a whole number"),
        (tiny(forecast={"clip": "wide"}), "forecast.clip: 'wide' given, expected a number"),
        (tiny(forecast={"clip": True}), "forecast.clip: true given, expected a number"),
        (tiny(forecast={"features": "return_1"}), "forecast.features: 'return_1' given, expected a list"),
        (tiny(forecast={"features": [1]}), "forecast.features.0: 1 given, expected text"),
        (tiny(forecast={"device": "gpu"}), "forecast.device: 'gpu' given, expected 'auto', 'cpu' or 'cuda'"),
        (tiny(forecast={"model": 5}), "forecast.model: 5 given, expected text"),
        (tiny(broker={"fractional": 1}), "broker.fractional: 1 given, expected true or false"),
        (tiny(strategies=5), "strategies: 5 given, expected a list"),
        (tiny(strategies=[5]), "strategies.0: 5 given, expected a section"),
        (tiny(strategies=[{"class": "a:B", "params": [1]}]), "strategies.0.params: expected keys and values"),
    ],
)
def test_a_value_of_the_wrong_type_is_answered_in_the_words_of_yaml(values: Any, sentence: str) -> None:
    found = refusal(values).splitlines()
    assert found[1].strip().startswith(sentence)
    assert len(found) == 2  # one mistake, one line


@pytest.mark.parametrize(
    ("values", "sentence", "cured"),
    [
        (
            tiny(strategies=LongFlat),
            "strategies: expected a list, such as [LongFlat]",
            tiny(strategies=[LongFlat]),
        ),
        (
            tiny(strategies="a:B"),
            "strategies: 'a:B' given, expected a list, such as [{class: \"a:B\"}]",
            tiny(strategies=parse('[{class: "a:B"}]')),
        ),
        (
            tiny(strategies=["a:B"]),
            "strategies: 'a:B' given, expected {class: \"a:B\"}",
            tiny(strategies=[parse('{class: "a:B"}')]),
        ),
        (
            tiny(forecast={"features": "return_1"}),
            "forecast.features: 'return_1' given, expected a list, such as [return_1]",
            tiny(forecast={"features": parse("[return_1]")}),
        ),
        (
            tiny(epochs=6),
            "epochs: unknown key here; write it under forecast:",
            tiny(forecast={"epochs": 6}),
        ),
    ],
)
def test_the_cure_of_a_sentence_works(values: dict[str, Any], sentence: str, cured: dict[str, Any]) -> None:
    assert refusal(values) == f"config:\n  {sentence}"
    validated(Config, cured, "config:")


@pytest.mark.parametrize(
    ("section", "key", "value", "expected"),
    [
        ("forecast", "lookback", 0, "greater than or equal to 1"),
        ("forecast", "horizon", 0, "greater than or equal to 1"),
        ("forecast", "clip", 0.0, "greater than 0"),
        ("forecast", "clip", float("nan"), "a finite number"),
        ("forecast", "dropout", 1.0, "less than 1"),
        ("forecast", "epochs", 0, "greater than or equal to 1"),
        ("forecast", "learning_rate", -0.1, "greater than 0"),
        ("forecast", "learning_rate", float("inf"), "a finite number"),
        ("forecast", "weight_decay", -1e-9, "greater than or equal to 0"),
        ("forecast", "val_size", 1.0, "less than 1"),
        ("forecast", "seed", -1, "greater than or equal to 0"),
        ("forecast", "refit_every", 0, "a number of bars, at least 1, or week | month"),
        ("forecast", "refit_every", 1.5, "a number of bars, at least 1, or week | month"),
        ("forecast", "train_size", 1, "a whole number of bars, at least 2, or a fraction"),
        ("forecast", "train_size", 1.0, "a whole number of bars, at least 2, or a fraction"),
        ("forecast", "train_size", True, "a whole number of bars, at least 2, or a fraction"),
        ("forecast", "features", [], "at least one in the list"),
        ("broker", "cash", 0, "greater than 0"),
        ("broker", "commission", 1.0, "less than 1"),
        ("broker", "slippage", -0.1, "greater than or equal to 0"),
        ("report", "periods_per_year", 0, "greater than or equal to 1"),
    ],
)
def test_a_number_out_of_range_is_told_the_range(section: str, key: str, value: Any, expected: str) -> None:
    found = refusal(tiny(**{section: {key: value}}))
    assert re.search(rf"\n  {section}\.{key}: .*expected {re.escape(expected)}", found)


def test_a_misspelt_period_is_told_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"refit_every: 'mnth' given, .*; did you mean 'month'\?"):
        forecast(refit_every="mnth")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "csv"}, "source: csv needs a file; add path: prices.csv"),
        ({"path": "x.csv"}, "path is only read with source: csv or parquet, not bundled; remove it"),
        ({"interval": "1wk"}, "interval is only asked of source: yahoo"),
        ({"start": "2007-01-01"}, "start 2007-01-01 must lie before end 2006-03-31"),
    ],
)
def test_data_keys_that_contradict_each_other(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(tiny(data=changes))


def test_dropout_needs_a_second_layer() -> None:
    with pytest.raises(ConfigError, match="with layers: 1 it does nothing; set layers: 2"):
        forecast(dropout=0.3)
    assert forecast(dropout=0.3, layers=2).dropout == 0.3


@pytest.mark.parametrize("model", ["boosting", "ridge", "last_sign", "always_up"])
def test_only_networks_have_members_and_weights_to_go_on_from(model: str, tmp_path: Path) -> None:
    """Said where a model is made of a config, and with all other mistakes where a file is read."""

    def refused(**changes: Any) -> str:
        with pytest.raises(ConfigError) as made:
            model_of(forecast(model=model, **changes))
        with pytest.raises(ConfigError) as walked:
            WalkForward(forecast(model=model, **changes))
        with pytest.raises(ConfigError) as loaded:
            load_config(written(tmp_path, tiny(forecast={"model": model, **changes})))
        assert str(made.value) == str(walked.value)
        assert str(loaded.value) == f"{tmp_path / 'tiny.yaml'}:\n  forecast.{made.value}"
        return str(made.value)

    alone = forecast(model=model)
    assert (alone.model, type(model_of(alone))) == (model, MODELS[model])
    assert settled(alone).members == 1
    expected = (
        rf"warm_start: true given with model: {model}, .* expected false; set warm_start: false, or model: lstm"
    )
    assert re.fullmatch(expected, refused(warm_start=True))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ols", "'ols' is not known; known: always_up, boosting, last_sign, lstm, ridge "),
        ("rigde", "'rigde' is not known; did you mean 'ridge'? "),
        (
            "os.path:join",
            f"'os.path:join' {NO_MODEL}",
        ),
        (
            "lstmstrat:Model",
            f"'lstmstrat:Model' {NO_MODEL}",
        ),
        ("nowhere:Mine", "there is no module nowhere; known: "),
        ("lstmstrat:Modle", "'lstmstrat:Modle': lstmstrat has no Modle"),
    ],
)
def test_a_model_that_there_is_not_is_answered_with_those_there_are(
    name: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        model_of(forecast(model=name))
    assert str(error.value).startswith(f"model: {sentence}")
    with pytest.raises(ConfigError) as loaded:
        load_config(written(tmp_path, tiny(forecast={"model": name})))
    said = f"{tmp_path / 'tiny.yaml'}:\n  forecast.{error.value}"  # one mistake, one line
    looked = f" (looked in {tmp_path}, the current directory)" if name.startswith("nowhere") else ""
    assert str(loaded.value) == said + looked  # which only a config has a folder for


def test_the_training_slice_holds_a_lookback_and_the_loss_steps() -> None:
    assert forecast(train_size=10).train_size == 10  # 5 + 5
    with pytest.raises(ConfigError, match="lookback: 5 and loss_steps: 5; expected at least 10 bars"):
        forecast(train_size=9)


def test_a_fractional_train_size_is_the_single_split() -> None:
    assert forecast(train_size=0.8, refit_every="never").train_size == 0.8
    with pytest.raises(ConfigError, match="needs refit_every: never; to retrain, give train_size in bars"):
        forecast(train_size=0.8)


@pytest.mark.parametrize(
    ("target", "horizon", "bars"), [("open", 1, 2), ("open", 5, 6), ("close", 1, 1), ("close", 5, 5)]
)
def test_purge_is_what_the_features_say(target: str, horizon: int, bars: int) -> None:
    # horizon + 1 bars for `open`, horizon for `close`: DESIGN, law 6.
    config = forecast(target=target, horizon=horizon)
    assert config.purge == bars


def test_validation_leaves_the_training_a_lookback_and_the_loss_steps() -> None:
    # Of 60 bars 0.8 are 48 and the purge of `open` is 2: 10 are left, just lookback + loss_steps.
    assert forecast(val_size=0.8).val_size == 0.8
    # 49 of 60 are held out (0.82 * 60 = 49.2), so 9 are left.
    with pytest.raises(ConfigError, match=r"val_size: 0\.82 of .* a purge of 2 leave 9 bars .* need 10"):
        forecast(val_size=0.82)
    assert forecast(val_size=0.82, target="close").purge == 1  # one bar less of purge: 10 again


def test_validation_is_at_least_a_bar() -> None:
    assert forecast(val_size=0.017).val_size == 0.017  # 1.02 bars
    with pytest.raises(ConfigError, match=r"val_size: 0\.01 of train_size: 60 is less than one bar"):
        forecast(val_size=0.01)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x", "x"], "two strategies are called 'x'; give one of them another name:"),
        (["buy_and_hold"], "'buy_and_hold' is the benchmark of every run"),
        (["date"], "'date' is the first column of equity.csv"),
    ],
)
def test_names_that_would_collide_in_the_files(names: list[str], message: str) -> None:
    assert message in refusal(tiny(strategies=[{"class": "a:B", "name": name} for name in names]))


@pytest.mark.parametrize(("path", "label"), [("a.b:LongFlat", "long_flat"), ("a:SMACross2X", "smacross2_x")])
def test_the_name_of_a_strategy_is_its_class_in_snake_case(path: str, label: str) -> None:
    assert validated(StrategyConfig, {"class": path}, "").label == label


def test_1e_3_is_a_number_although_yaml_reads_text() -> None:
    assert parse("1e-3") == "1e-3"
    assert forecast(learning_rate=parse("1e-3")).learning_rate == 0.001
    assert validated(Config, tiny(broker={"cash": parse("1e5")}), "").broker.cash == 100_000.0


def test_dates_are_read_with_and_without_quotes() -> None:
    plain = validated(Config, parse("data: {start: 2005-01-03}\nstrategies: [{class: 'a:B'}]"), "")
    quoted = validated(Config, parse("data: {start: '2005-01-03'}\nstrategies: [{class: 'a:B'}]"), "")
    assert plain == quoted
    assert str(plain.data.start) == "2005-01-03"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: [1\ny: 2", r"not valid YAML: .*line 2"),
        ("a: 1\nb: 2\na: 3", "line 1: 'a' is given twice; keep one of them"),
        ("a:\n  b: {c: 1, c: 2}", "line 2: 'c' is given twice"),
        ("start: 2005-02-30", "not valid YAML: day is out of range for month"),
        ("!!python/object/apply:os.getcwd []", "not valid YAML: could not determine a constructor"),
        ("? [a]\n: 1", "not valid YAML"),
    ],
)
def test_text_that_is_not_yaml(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.compile(message, re.DOTALL)):
        parse(text)


def test_a_merged_mapping_may_be_overridden() -> None:
    assert parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}")["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize("text", ["", "- a\n- b", "hello"])
def test_a_file_without_sections(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"tiny.yaml: expected sections such as data: and strategies:; found"):
        read(written(tmp_path, text))


def test_a_missing_file_is_told_its_neighbour(tmp_path: Path) -> None:
    written(tmp_path, TINY)
    with pytest.raises(ConfigError, match=r"no config file .*tinny.yaml; did you mean 'tiny.yaml'\?"):
        read(tmp_path / "tinny.yaml")
    with pytest.raises(ConfigError, match=r"no config file .*tiny.yaml$"):
        read(tmp_path / "nowhere" / "tiny.yaml")
    with pytest.raises(ConfigError, match=r"cannot read .*: it is no file"):
        read(tmp_path)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(ConfigError, match=r"cannot read .*c.yaml"):
        read(path)


def test_set_reaches_sections_and_lists_and_leaves_the_original() -> None:
    before = yaml.safe_dump(TINY)
    settings = ["forecast.members=3", "strategies.1.params.fast=7", "report.html=false", "name=other", "data.end="]
    found = override(TINY, settings)
    assert found["forecast"]["members"] == 3
    assert found["strategies"][1]["params"] == {"fast": 7, "slow": 10}
    assert found["report"] == {"html": False}
    assert (found["name"], found["data"]["end"]) == ("other", None)
    assert yaml.safe_dump(TINY) == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed", "expected KEY=VALUE, such as --set forecast.members=3"),
        ("=3", "expected KEY=VALUE"),
        ("strategies.2.class=x", "'2' is no position in a list of 2, whose first is 0"),
        ("strategies.last.class=x", "'last' is no position in a list of 2"),
        ("data.symbol.x=3", "there is no 'x' in 'AAPL', which has no keys"),
        ("forecast.lookback={", "not valid YAML"),
    ],
)
def test_a_setting_that_cannot_be_put_in_is_quoted(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^--set {re.escape(setting)}: {re.escape(message)}"):
        override(TINY, [setting])


def test_a_setting_has_the_type_it_would_have_in_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, TINY)
    config = load_config(path, ["forecast.learning_rate=1e-3", "data.start=2005-01-04", "broker.fractional=false"])
    assert config.forecast.learning_rate == 0.001
    assert str(config.data.start) == "2005-01-04"
    assert config.broker.fractional is False
    with pytest.raises(ConfigError, match=r"forecast\.epochs: 'many' given, expected a whole number"):
        load_config(path, ["forecast.epochs=many"])


def test_seed_is_a_setting_and_comes_last(tmp_path: Path) -> None:
    path = written(tmp_path, TINY)
    assert load_config(path).forecast.seed == 0
    assert load_config(path, ["forecast.seed=3", "forecast.seed=4"]).forecast.seed == 4
    with pytest.raises(ConfigError, match=r"forecast\.seed: -1 given"):
        load_config(path, ["forecast.seed=-1"])


def keys_of_mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load_config(path)
    heading, *found = str(error.value).splitlines()
    assert heading == f"{path}:"
    return sorted(line.split(": ")[0].strip() for line in found)


def test_every_mistake_of_a_file_comes_in_one_message(tmp_path: Path) -> None:
    """But those of parameters, which only the class knows: it is loaded where keys and values are right."""
    values = tiny(
        forecast={"lokback": 5, "epochs": 0, "features": ["retrun_1", "gap"]},
        broker={"csh": 1},
        strategies=[
            {"class": "strategies.long_flt:LongFlat"},
            {"class": "strategies.long_flat:LongFlat", "params": {"treshold": 0.1, "band": "wide"}},
            {"clas": "strategies.long_flat:LongFlat"},
        ],
    )
    assert keys_of_mistakes(written(tmp_path, values)) == [
        "broker.csh",
        "forecast.epochs",
        "forecast.features",
        "forecast.lokback",
        "strategies.0.class",
        "strategies.2.clas",
        "strategies.2.class",
    ]


def test_parameters_are_among_the_mistakes_of_a_file_whose_keys_and_values_are_right(tmp_path: Path) -> None:
    values = tiny(
        forecast={"features": ["retrun_1", "gap"], "model": "rigde"},
        strategies=[
            {"class": "strategies.long_flt:LongFlat", "name": "other"},
            {"class": "strategies.long_flat:LongFlat", "params": {"treshold": 0.1, "band": "wide"}},
        ],
    )
    assert keys_of_mistakes(written(tmp_path, values)) == [
        "forecast.features",
        "forecast.model",
        "strategies.0.class",
        "strategies.1.params.band",
        "strategies.1.params.treshold",
    ]


# --- in Python -------------------------------------------------------------------------------------------------

WRONG: list[tuple[Any, dict[str, Any]]] = [
    (lstmstrat.DataConfig, {"symbol": 5, "source": "cvs", "start": "2005-13-01", "symbl": "AAPL"}),
    (lstmstrat.DataConfig, {"source": "csv"}),
    (
        lstmstrat.DataConfig,
        {"extra": [{"nam": "mood", "lag": "1 day"}], "peers": [{"name": "x", "interval": "2d"}]},
    ),
    (lstmstrat.ForecastConfig, {"epochs": "x", "members": 0, "refit_every": "mnth", "dropout": 10**400}),
    (lstmstrat.BrokerConfig, {"cash": -1, "comission": 0.0}),
    (lstmstrat.StrategyConfig, {"class": 3, "params": [1], "nam": "x"}),
    (lstmstrat.ReportConfig, {"worlds": 3, "html": "yes"}),
    (
        lstmstrat.Config,
        {"data": {"symbol": 5}, "forecast": {"epochs": 0, "lokback": 2}, "strategies": [{"clas": "x"}]},
    ),
    (lstmstrat.Config, {"name": "a/b"}),
]


@pytest.mark.parametrize(("section", "values"), WRONG)
def test_what_python_code_gets_wrong_is_answered_as_a_file_is(section: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as of_file:
        validated(section, values, f"{section.__name__}:")
    with pytest.raises(ConfigError) as of_code:
        section(**values)
    assert str(of_code.value) == str(of_file.value)
    assert len(str(of_code.value).splitlines()) > max(1, len(values) - 1)
    assert "pydantic" not in str(of_code.value)
    assert of_code.value.__cause__ is None


def test_dumped_and_read_again_a_config_is_the_same() -> None:
    config = validated(
        Config, tiny(forecast={"learning_rate": 1e-5, "train_size": 0.8, "refit_every": "never"}), ""
    )
    assert validated(Config, parse(dump(config)), "") == config
    assert parse(dump(config))["forecast"].keys() == ForecastConfig.model_fields.keys()


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.name)
def test_the_configs_that_come_with_the_package_can_be_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    config = load_config(path)
    assert config.strategies or config.portfolio


def test_settings_in_one_string_are_refused_and_the_cure_works() -> None:
    with pytest.raises(ConfigError, match=r"'forecast\.members=3' given, expected a list") as caught:
        load_config("configs/aapl.yaml", "forecast.members=3")
    cure = yaml.safe_load(str(caught.value).partition("write ")[2])
    assert load_config("configs/aapl.yaml", cure).forecast.members == 3
