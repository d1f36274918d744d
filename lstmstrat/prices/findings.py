"""What is found out about a table, and what its user says about it: `Findings` and `Hints`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lstmstrat.errors import DataError

MOST_FAULTS = 12  # lines of one message
MOST_NAMES = 8  # in a list
MOST_LETTERS = 60  # of a cell or a heading that a message repeats

Column = str | int | None  # a heading; the number of a column, from 1; None: there is none


@dataclass(frozen=True)
class Hints:
    """What the user says about a table where it can be read in two ways; the keys of `DataConfig`.

    Examples
    --------
    >>> Hints().write("columns", {"volume": "Volume BTC"})
    'write data.columns: {volume: "Volume BTC"}'
    >>> Hints(entry="name: mood in data.extra").write("decimal", ",")
    'write decimal: "," beside name: mood in data.extra'
    >>> Hints(in_config=False).write("date_format", "%d/%m/%Y")
    "pass date_format='%d/%m/%Y'"
    """

    symbol: str = ""
    columns: Mapping[str, Column] = field(default_factory=dict)
    date_format: str | None = None
    time_zone: str | None = None
    decimal: str | None = None
    entry: str = ""  # of a list of the config, see `entry_of`; "" for data: itself
    in_config: bool = True  # where the user gives them: in a config, or as arguments

    def write(self, key: str, value: object) -> str:
        """What the user has to type to say it."""
        if not self.in_config:
            return f"pass {self.setting(key, value)}"
        return f"write {self.setting(key, value)}" + (f" beside {self.entry}" if self.entry else "")

    def setting(self, key: str, value: object) -> str:
        """The setting alone: ``data.decimal: ","``, of an entry ``decimal: ","``, or ``decimal=','``."""
        if not self.in_config:
            return f"{key}={value!r}"
        key = key if self.entry else f"data.{key}"
        if isinstance(value, Mapping):
            inside = ", ".join(f"{role}: {yaml_text(name)}" for role, name in value.items())
            return f"{key}: {{{inside}}}"
        return f"{key}: {yaml_text(value)}"


def yaml_text(value: object) -> str:
    """`value` as YAML takes it, text in quotes."""
    return json.dumps(value, ensure_ascii=not str(value).isprintable())


@dataclass
class Findings:
    """The faults and notices of a table; every stage of the reading adds its own, and they are said at once."""

    title: str
    faults: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raises if there is a fault.

        Raises
        ------
        DataError
            The message begins with the title; then one line for each fault.
        """
        if self.faults:
            raise DataError(message(self.title, self.faults))


def message(title: str, faults: Iterable[str]) -> str:
    """One message on all `faults`, each once, and never longer than a screen."""
    lines = list(dict.fromkeys(faults))
    more = [f"and {len(lines) - MOST_FAULTS} more of the kind"] if len(lines) > MOST_FAULTS else []
    lines = lines[:MOST_FAULTS] + more
    return f"{title}: {lines[0]}" if len(lines) == 1 else "\n  ".join([f"{title}:", *lines])


def shown(cell: object) -> str:
    """A cell or a heading for a message: in quotes, not long, without control characters."""
    text = str(cell)
    return repr(text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 3] + "...")


def listed(names: Iterable[object]) -> str:
    """Names for a message: the first few of them, and how many there are."""
    some = list(names)
    words = ", ".join(shown(name) for name in some[:MOST_NAMES])
    return words if len(some) <= MOST_NAMES else f"{words} ... ({len(some)} in all)"


def such(rows: int) -> str:
    """The number of further rows of a fault, for the end of its sentence."""
    return f" ({rows} such rows)" if rows > 1 else ""
