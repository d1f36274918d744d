"""Whatever stands in a config file or after --set: a config or a sentence, soon, and short enough for a screen."""

from __future__ import annotations

import math
import os
import random
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.command import TINY, command, tiny, written
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat.config import files
from lstmstrat.config.schema import Config
from lstmstrat.config.validation import validated
from lstmstrat.errors import LETTERS, LINES, ConfigError, on_a_screen

LEVELS = [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise("abcdefghi")]
ANCHORS = "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *LEVELS])
RUNAWAYS = {
    "deep list": "a: " + "[" * 2000 + "]" * 2000,
    "deep mapping": "{a: " * 3000 + "1" + "}" * 3000,
    "anchors of anchors": ANCHORS,
    "an anchor in itself": "a: &a {b: *a}",
    "a list in itself": "a: &a [*a]",
    "a truth that is none": "a: !!bool 120",
    "a number of 6,000 digits": f"forecast: {{members: 0x{'f' * 5_000}}}",
    "a key of 6,000 digits": f"0x{'f' * 5_000}: 1",
    "a parameter of 400 digits": f"strategies: [{{class: a:B, params: {{threshold: {'1' * 400}}}}}]",
    "many keys": "\n".join(f"k{i}: 1" for i in range(20_000)),
    "a key many times": "k: 1\n" * 20_000,
    "many strategies": "strategies:\n" + "  - {class: a:B}\n" * 3_000,
    "a list": str([1] * 60_000),
    "one long word": "x" * 500_000,
    "much text": "# " + "x" * 2_000_000,
    "no text": "\0\1\2",
    "a tag": "a: !!python/object/apply:os.system ['echo ran']",
    "a date that is none": "a: 2005-02-30",
    "a mapping as a key": "{{a: 1}: 2}",
}


@pytest.mark.parametrize("name", RUNAWAYS)
def test_a_runaway_file_is_refused_soon_with_a_sentence(name: str, tmp_path: Path) -> None:
    begin = time.process_time()
    done = command(written(tmp_path, RUNAWAYS[name]), "--out", tmp_path / "out")
    assert time.process_time() - begin < 10.0  # seconds; some of these never ended, and one is 1.5 MB of message
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) <= LINES + 1


@pytest.mark.parametrize("text", ["hä".encode("utf-16"), bytes(random.Random(0).randbytes(2_000))])
def test_a_file_in_another_encoding_is_said(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(text)
    assert "save it as UTF-8" in command(tmp_path / "c.yaml").err


def test_a_mark_of_utf_8_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(yaml.safe_dump(TINY).encode("utf-8-sig"))
    assert files.read(tmp_path / "c.yaml") == files.read(written(tmp_path, TINY))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_what_is_no_file_is_said_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path, tmp_path / "pipe.yaml", Path("/dev/zero")):
        assert "it is no file" in command(path).err
    for name in ("a" * 5_000, "a\0b.yaml"):
        assert command(tmp_path / name).code == 2


@pytest.mark.parametrize(
    "setting",
    [
        "strategies.²=1",
        f"strategies.{'9' * 30}=1",
        "strategies.-1=1",
        f"{'a.' * 5_000}a=1",
        "a=[" * 900,
        "=1",
        "a",
    ],
)
def test_a_setting_that_fits_nowhere_is_said(setting: str, tmp_path: Path) -> None:
    done = command(written(tmp_path, TINY), "--set", setting)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert len(done.err) < 3 * LETTERS


ODD: list[Any] = [
    10**400,
    -(10**400),
    1e308,
    math.inf,
    math.nan,
    1e-320,
    True,
    None,
    [],
    {},
    [[]],
    {"": 1},
    {1: 2},
]
ODD += [
    "",
    " ",
    "²",
    "a\x1b[2J",
    "\u202e",
    "a" * 10**5,
    b"\0",
    [None] * 100,
    "2005-01-01",
    "=1+1",
    "os:system",
    "~x",
]


def leaves(values: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(values, dict):
        return [path, *(leaf for key, inner in values.items() for leaf in leaves(inner, (*path, key)))]
    return [path]


WHOLE = validated(Config, TINY, "").model_dump(mode="json", by_alias=True)
anything = st.sampled_from(ODD) | st.integers() | st.floats() | st.text(max_size=30)


@given(st.sampled_from(leaves(WHOLE)[1:]), anything)
def test_any_value_anywhere_is_a_config_or_a_sentence(path: tuple[Any, ...], value: Any) -> None:
    values: Any = yaml.safe_load(yaml.safe_dump(WHOLE))
    inner = values
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    try:
        config = validated(Config, values, "c.yaml:")
    except ConfigError:
        return
    assert validated(Config, files.parse(files.dump(config)), "") == config


@given(st.text())
def test_a_message_fits_on_a_screen_and_commands_no_terminal(text: str) -> None:
    shown = str(ConfigError(text))
    assert shown == on_a_screen(text)
    assert len(shown.split("\n")) <= LINES + 1
    assert shown.replace("\n", "").isprintable()
    assert text != shown or text.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-a", "@a", "a\nb", "\x1b[31mred", " "])
def test_names_that_a_terminal_or_a_spreadsheet_would_run_are_refused(name: str, tmp_path: Path) -> None:
    strategies = [{**TINY["strategies"][0], "name": name}]
    for wrong in (tiny(strategies=strategies), tiny(data={"symbol": name})):
        done = command(written(tmp_path, wrong))
        assert done.code == 2
        assert "expected" in done.err
        assert "\x1b" not in done.err


@pytest.mark.parametrize("symbol", ["^GSPC", "BTC-USD", "EURUSD=X", "ES=F", "BRK.B", "0700.HK", "СБЕР"])
def test_symbols_as_there_are(symbol: str) -> None:
    assert validated(Config, tiny(data={"symbol": symbol}), "").data.symbol == symbol
