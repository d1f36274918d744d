"""The exceptions that lstmstrat raises on purpose.

    LSTMStratError
    ├── ConfigError      the YAML, a command-line option or an indicator parameter is wrong
    ├── DataError        the prices are missing, broken or too few
    └── StrategyError    a strategy class cannot be found or used

Each message names the given value, the expected value and what to type instead. The command line prints only the
message and exits with 2.
"""

from __future__ import annotations

import difflib
import os
import sysconfig
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

LINES, LETTERS = 40, 1000
MOST_COMPARED = 1000  # words of which the nearest is looked for: of many it takes long
KINDS_OF_FILES = (".csv", ".txt", ".gz", ".zip", ".parquet", ".yaml", ".yml")


class LSTMStratError(Exception):
    """Base class of the errors that the user can correct. As text they fit on a screen."""

    def __str__(self) -> str:
        return on_a_screen(super().__str__())


class ConfigError(LSTMStratError, ValueError):
    """A key or a value in a config is wrong; the message lists every mistake."""


class DataError(LSTMStratError, ValueError):
    """The price data cannot be used; the message names the row."""


class StrategyError(LSTMStratError, TypeError):
    """A strategy class cannot be found, is not a strategy, or does not know a parameter."""


def on_a_screen(text: str) -> str:
    r"""`text` with at most `LINES` lines of `LETTERS` letters; what a terminal would obey is written out.

    >>> on_a_screen("clear" + chr(27) + "[2J")
    'clear\\x1b[2J'
    """
    lines = text.split("\n")
    shown = [_shortened("".join(map(_printable, line))) for line in lines[:LINES]]
    return "\n".join(shown + [f"  ... and {len(lines) - LINES} more lines"] * (len(lines) > LINES))


def _shortened(line: str) -> str:
    left_out = len(line) - LETTERS
    half = LETTERS // 2
    return line if left_out <= 0 else f"{line[:half]}... ({left_out} letters left out) ...{line[-half:]}"


def _printable(letter: str) -> str:
    return letter if letter.isprintable() else repr(letter)[1:-1]


def amount(money: float) -> str:
    """An amount of money for a message, to the cent; one beyond what money is, with few digits.

    >>> amount(-1000.0), amount(1e308)
    ('-1000.00', '1e+308')
    """
    return f"{money:.2f}" if abs(money) < 1e15 else f"{money:.6g}"


def count(number: int, noun: str) -> str:
    """A number and its noun: the one place that knows about plurals.

    >>> count(1, "strategy"), count(1200, "strategy"), count(0, "run")
    ('1 strategy', '1,200 strategies', '0 runs')
    """
    if number == 1:
        return f"1 {noun}"
    many = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{number:,} {many}"


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """``"; did you mean 'lookback'?"`` with the nearest candidate, or a list of all if none is near."""
    words = sorted(candidates)
    if match := nearest(word, words):
        return f"; did you mean {match!r}?"
    return f"; known: {', '.join(words)}" if words else ""


def nearest(word: str, words: Sequence[str]) -> str:
    """The word that differs in capitals alone, or else is alike; '' if there is none."""
    alike = [one for one in words if one.casefold() == word.casefold()]
    return next(iter(alike or difflib.get_close_matches(word, words[:MOST_COMPARED], n=1)), "")


def did_you_mean_file(name: str, names: Iterable[str]) -> str:
    """The same for the name of a file; '' if none is near. That both end in .csv makes no two names alike.

    >>> did_you_mean_file("aapl.csv", ["AAPL.csv", "C.csv"]), did_you_mean_file("KO.csv", ["C.csv"])
    ("; did you mean 'AAPL.csv'?", '')
    """
    files = sorted(names, reverse=True)
    if whole := [one for one in files if one.casefold() == name.casefold()]:
        return f"; did you mean {whole[0]!r}?"
    by_stem = {_stem(one).casefold(): one for one in files}
    stem = _stem(name).casefold()
    match = nearest(stem, sorted(by_stem, key=lambda one: (one[:1] != stem[:1], abs(len(one) - len(stem)))))
    return f"; did you mean {by_stem[match]!r}?" if match else ""


def _stem(name: str) -> str:
    """A name of a file without what says its kind: AAPL of AAPL.csv.gz, BRK.B of BRK.B.csv."""
    while (suffix := Path(name).suffix).lower() in KINDS_OF_FILES:
        name = name.removesuffix(suffix)
    return name


def as_path(given: object, expected: str) -> Path:
    """A name of a file or folder that a user hands over in Python.

    >>> as_path("runs/a", "the name of a run folder").name
    'a'

    Raises
    ------
    ConfigError
        It is no name: the message says what was given, and what is `expected`.
    """
    name = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
    if not isinstance(name, str):
        raise ConfigError(f"{type(given).__name__} given, expected {expected}")
    return Path(name)


def sentence(error: Exception) -> str:
    """The message of an error of ours; of any other its type and its message."""
    return str(error) if isinstance(error, LSTMStratError) else f"{type(error).__name__}: {error}"


ERRORS_OF_CODE = (Exception, SystemExit)
"""What a user's code may raise where it is called. `sys.exit()` in it is a mistake like any other."""


def describe(error: BaseException) -> str:
    """The type, the message and the place of an error in a user's code, for the sentence of an error of ours.

    The place is that in the user's own files, also where a library raised the error.
    """
    reason = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, SystemExit):
        reason = f"it ends the program by sys.exit({'' if error.code is None else repr(error.code)})"
    names_its_place = isinstance(error, SyntaxError)
    frames = [] if names_its_place else (own_frames(error) or traceback.extract_tb(error.__traceback__))[-1:]
    return reason + "".join(f" ({frame.filename}, line {frame.lineno})" for frame in frames)


PACKAGE = Path(__file__).parent
LIBRARIES = ("backtrader", "numba", "numpy", "pandas", "scipy", "skfolio", "sklearn", "torch")


def own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of an error that are in code of the user's: not in Python, `LIBRARIES` or lstmstrat."""
    paths = {name: Path(path) for name, path in sysconfig.get_paths().items()}
    installed = {paths["purelib"], paths["platlib"]}
    others = {PACKAGE, *(place / library for place in installed for library in LIBRARIES)}

    def is_own(name: str) -> bool:
        parents = set(Path(name).parents)
        if name.startswith("<frozen ") or others & parents:
            return False
        return bool(installed & parents) or paths["stdlib"] not in parents

    return [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(frame.filename)]
