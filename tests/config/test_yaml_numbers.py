"""A number of a config is what it looks like, or is refused with what to write, as is text that YAML reads so."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat.config import files
from lstmstrat.config.data import DataConfig
from lstmstrat.config.parameters import type_mistake
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value", "looks"),
    [
        ("010", 8, "8 or 10"),  # eight, in digits of eight
        ("0100", 64, "64 or 100"),
        ("-012", -10, "-10 or -12"),
        ("000660", 432, "432 or 660"),  # SK hynix in Seoul; 6 * 64 + 6 * 8 = 432
        ("0x10", 16, "16"),
        ("0b11", 3, "3"),
        ("12:30", 750, "750"),  # 12 * 60 + 30
        ("1:00:01", 3601, "3601"),
        ("1_000", 1000, "1000"),
        ("1_000.5", 1000.5, "1000.5"),
        ("12:30.5", 750.5, "750.5"),
    ],
)
def test_what_yaml_reads_otherwise_is_refused_and_each_cure_works(text: str, value: float, looks: str) -> None:
    assert yaml.safe_load(text) == value  # this is what would have been used
    for parse in (files.parse, lambda text: files.override({"a": 1}, [f"a={text}"])["a"]):
        with pytest.raises(ConfigError) as caught:
            parse(text)
        assert f"{text} would be {value} in YAML; write {looks}, or, if it is text" in str(caught.value)
        assert parse(looks.split(" or ")[0]) == value
        assert parse(f'"{text}"') == text


@given(st.one_of(st.integers(-(10**20), 10**20), st.floats(allow_nan=False)))
def test_numbers_as_python_and_yaml_write_them_are_read(number: float) -> None:
    assert files.parse(files.one_line(number)) == number
    if isinstance(number, int):
        assert files.parse(str(number)) == number


@given(st.from_regex(r"[-+]?[0-9_.:xbeEoO]{1,8}", fullmatch=True))
def test_no_number_is_another_than_it_looks(text: str) -> None:
    """The second origin is float() of Python, which knows neither octal nor sexagesimal numbers."""
    try:
        value = files.parse(text)
    except ConfigError:
        return
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        assert "_" not in text
        assert value == float(text)


@pytest.mark.parametrize("text", ["ON", "NO", "off", "Yes", "true", "2020-01-01", "1.0e+5", "700"])
def test_a_symbol_that_is_no_text_is_to_be_quoted(text: str) -> None:
    """As --set takes it, by a shell, too."""
    with pytest.raises(ConfigError, match="expected text; if it is text, put it in quotes") as caught:
        validated(DataConfig, {"symbol": files.parse(text)}, "c.yaml:")
    found = re.search(r"""quotes: ("[^"]*") \(--set: ('"[^"]*"')\)""", str(caught.value))
    assert found
    symbol: Any = files.parse(found[1])
    assert validated(DataConfig, {"symbol": symbol}, "c.yaml:").symbol == symbol
    assert files.parse(shlex.split(found[2])[0]) == symbol
    if text in ("ON", "NO", "2020-01-01", "700"):
        assert symbol == text
    assert validated(DataConfig, {"symbol": files.parse(f'"{text}"')}, "c.yaml:").symbol == text


@pytest.mark.parametrize("text", ["!!int ''", "!!float ''", "!!int a", "!!int 010"])
def test_a_tag_on_what_is_no_such_number_is_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError):
        files.parse(text)


@pytest.mark.parametrize("text", ["%d/%m/%Y", "%d", "@SUM", "*x", "[a", "{b", "a: b: c", "!x y", "`z`", "%"])
def test_a_set_value_that_yaml_cannot_read_is_to_be_quoted_and_that_works(text: str) -> None:
    """data.date_format=%d/%m/%Y was a fault of YAML's grammar, with no word on what to type for a shell."""
    with pytest.raises(ConfigError, match="if it is text, put it in quotes") as caught:
        files.override({}, [f"data.date_format={text}"])
    (setting,) = re.findall(r"put it in quotes: --set ('.*')$", str(caught.value))
    assert files.override({}, shlex.split(setting)) == {"data": {"date_format": text}}


def test_a_tab_in_a_config_is_said_to_be_one() -> None:
    with pytest.raises(ConfigError, match="a tab parts nothing in YAML, write spaces"):
        files.parse("strategies:\n\t- class: x\n")


def test_an_example_of_a_message_is_no_mistake_itself() -> None:
    """'nan' given, expected a number, such as nan; nothing given, expected a list, such as [None]."""
    assert type_mistake("band", "nan", 0.05) == "band: 'nan' given, expected a number, such as 0.05"
    assert type_mistake("band", "1e-3", 0.05) == "band: '1e-3' given, expected a number, such as 0.001"
    with pytest.raises(ConfigError, match=r"peers: nothing given, expected a list, such as \[\]"):
        validated(DataConfig, {"peers": None}, "c.yaml:")
    assert validated(DataConfig, {"peers": []}, "c.yaml:").peers == ()
