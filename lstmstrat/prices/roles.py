"""Which column of a table is the date, the open ... the adjusted close: `chosen`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lstmstrat.prices.bars import COLUMNS, PRICES
from lstmstrat.prices.cells import Names, Table
from lstmstrat.prices.check import ADJUSTED_CLOSE
from lstmstrat.prices.findings import Column, Findings, Hints, listed, shown
from lstmstrat.prices.headings import (
    ADJUSTED_TOO,
    ADJUSTMENT,
    DATE,
    EVENTS,
    SYMBOL,
    TICKS,
    TIME,
    is_price,
    plain,
    role_of,
)
from lstmstrat.prices.layouts import CLOCK

DATED = re.compile(
    r"\d{4}[-./]\d{1,2}([-./]\d{1,2})?\b|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}\b|\d{8}(\.0)?$|\d{10,19}(\.\d*)?$"
)
WORD = re.compile(r"[^\W\d_]", re.UNICODE)


@dataclass(frozen=True)
class Roles:
    """The position of the column of each role, and of those that tell of splits, dividends and factors."""

    positions: Mapping[str, int]
    events: Mapping[str, int]  # by their heading
    as_they_are: bool  # the user says that there is no adjusted close


def chosen(table: Table, hints: Hints, found: Findings) -> Roles:
    """The roles of the columns; what is missing or can be understood in two ways is a fault in `found`."""
    names = _of_symbol(table, hints, found)
    asked = _asked(hints, names, found)
    taken = {position for position in asked.values() if position is not None}
    free = {k: name for k, name in names.items() if k not in taken}
    positions = {role: k for role, k in asked.items() if k is not None}
    for role in (*COLUMNS, ADJUSTED_CLOSE, TICKS, SYMBOL):
        if role not in asked and (k := _best(role, free, hints, found)) is not None:
            positions[role] = k
    positions |= _dates(
        table, {k: name for k, name in free.items() if k not in positions.values()}, asked, hints, found
    )
    _missing(positions, free, hints, found)
    as_they_are = ADJUSTED_CLOSE in asked and asked[ADJUSTED_CLOSE] is None
    if not as_they_are:
        _not_understood(
            {k: name for k, name in free.items() if k not in positions.values()}, positions, hints, found
        )
    events = {name: k for k, name in free.items() if EVENTS.search(plain(name)) and not role_of(name)}
    if SYMBOL not in positions:
        unnamed = [k for k in free if not names[k] and k not in positions.values() and WORD.search(table.first(k))]
        positions |= dict(zip([SYMBOL], unnamed, strict=False))
    return Roles(positions, events, as_they_are)


def _of_symbol(table: Table, hints: Hints, found: Findings) -> dict[int, str]:
    """The name of each column, by position; of a heading of several levels those of one symbol."""
    names = dict(enumerate(table.names))
    if all(len(name) == 1 for name in names.values()):
        names = _split(names)
    deep = {k: name for k, name in names.items() if len(name) > 1}
    if not deep:
        return {k: name[0] for k, name in names.items()}
    depth = max(map(len, deep.values()))
    padded = {k: (*name, *("",) * (depth - len(name))) for k, name in deep.items()}
    level = max(range(depth), key=lambda one: sum(is_price(name[one]) for name in padded.values()))
    keys = {k: tuple(part for one, part in enumerate(name) if one != level) for k, name in padded.items()}
    key = _picked([*dict.fromkeys(keys[k] for k in padded if is_price(padded[k][level]))], hints, found)
    flat = {k: name[0] for k, name in names.items() if len(name) == 1}
    return flat | {k: padded[k][level] for k in padded if keys[k] == key}


def _split(names: dict[int, Names]) -> dict[int, Names]:
    """Names such as AAPL.Close or Close_AAPL as two levels, where no column is called close alone."""
    if sum(is_price(name[0]) for name in names.values()) > 1:
        return names
    word = r"(open|high|low|close|adj[._ ]?close|adjusted|volume)"
    parts = {k: re.fullmatch(rf"(?i:{word}[._ -]+(\S+)|(\S+)[._ -]+{word})", name[0]) for k, name in names.items()}
    split = {k: ((m[1] or m[4]), (m[2] or m[3])) for k, m in parts.items() if m}
    return names | split if sum(is_price(one) for one, _ in split.values()) > 3 else names


def _picked(keys: list[tuple[str, ...]], hints: Hints, found: Findings) -> tuple[str, ...]:
    """The key that the symbol names; the only one if there is one; else a fault, and the first."""
    if len(keys) < 2:
        return keys[0] if keys else ()
    for fold in (str, str.casefold):
        named = [key for key in keys if fold(hints.symbol) in map(fold, key)]
        if len(named) == 1:
            return named[0]
    symbols = [next(part for k, part in enumerate(key) if len({one[k] for one in keys}) > 1) for key in keys]
    found.faults.append(several(symbols, hints))
    return keys[0]


def several(symbols: list[str], hints: Hints) -> str:
    """The sentence on a table of several symbols, none of which is the one that is asked for."""
    wanted = f" and none is {shown(hints.symbol)}" if hints.symbol else ""
    return f"the table has {len(symbols)} symbols{wanted}: {listed(symbols)}; {hints.write('symbol', symbols[0])}"


def _asked(hints: Hints, names: Mapping[int, str], found: Findings) -> dict[str, int | None]:
    """The positions that the user gives, None for a role that no column shall have."""
    asked: dict[str, int | None] = {}
    for role, column in hints.columns.items():
        position = None if column is None else _position(column, names)
        if column is not None and position is None:
            near = difflib.get_close_matches(str(column), names.values(), n=1)
            hint = f"; did you mean {shown(near[0])}?" if near else f"; there are {listed(names.values())}"
            found.faults.append(f"{hints.setting('columns', {role: column})}: there is no such column{hint}")
            continue
        asked[role] = position
    return asked


def _position(column: str | int, names: Mapping[int, str]) -> int | None:
    """The position of the column that the user names, or gives the number of, from 1."""
    if isinstance(column, int):
        return column - 1 if column - 1 in names else None
    for same in (lambda name: name == column, lambda name: plain(name) == plain(column)):
        positions = [k for k, name in names.items() if same(name)]
        if len(positions) == 1:
            return positions[0]
    return None


def _best(role: str, names: Mapping[int, str], hints: Hints, found: Findings) -> int | None:
    """The column of a role among those of its best rank; two of them are a fault, but not of symbols."""
    ranks = {k: known[1] for k, name in names.items() if (known := role_of(name)) and known[0] == role}
    best = [k for k, rank in ranks.items() if rank == min(ranks.values())]
    if len(best) > 1 and role != SYMBOL:
        two = [names[k] for k in best]
        which: Column = (
            two[0] if len(set(two)) == len(two) and _position(two[0], names) is not None else best[0] + 1
        )
        cure = hints.write("columns", {role: which})
        found.faults.append(f"more than one column is called {role}: {listed(two)}; {cure} for the first")
    return best[0] if best else None


def _dates(
    table: Table, names: Mapping[int, str], asked: Mapping[str, int | None], hints: Hints, found: Findings
) -> dict[str, int]:
    """The columns of the date and of the time of day."""
    known = {k: role_of(name) for k, name in names.items()}
    dates = {k: name for k, name in names.items() if (r := known[k]) and r[0] == DATE}
    clocks = [k for k in dates if CLOCK.fullmatch(table.first(k)) or _is_compact_clock(table, k, dates)]
    given = {role: k for role, k in asked.items() if role in (DATE, TIME) and k is not None}
    if DATE not in asked:
        candidates = {k: name for k, name in dates.items() if k not in clocks and k != given.get(TIME)}
        position = _best(DATE, candidates, hints, found) if candidates else _by_content(table, names, found)
        given |= {} if position is None else {DATE: position}
    if DATE in given and TIME not in asked and ":" not in table.first(given[DATE]):
        given |= dict(zip([TIME], clocks, strict=False))
    return given


def _is_compact_clock(table: Table, position: int, dates: Mapping[int, str]) -> bool:
    """Whether a column called time beside one of dates holds times as numbers: 93000."""
    alone = not any(k != position and DATED.match(table.first(k)) for k in dates)
    return not alone and plain(dates[position]) == "time" and bool(re.fullmatch(r"\d{1,6}", table.first(position)))


def _by_content(table: Table, names: Mapping[int, str], found: Findings) -> int | None:
    """The only column that holds dates, under whatever name."""
    dated = [k for k, name in names.items() if role_of(name) is None and DATED.match(table.first(k))]
    unnamed = [k for k in dated if plain(names[k]) in ("", "index", "unnamed0", "level0", "indexleveldtype0")]
    dated = unnamed or dated
    if len(dated) == 1 and not unnamed:
        found.notices.append(f"the dates are those of the column {shown(names[dated[0]])}")
    return dated[0] if len(dated) == 1 else None


def _missing(positions: Mapping[str, int], names: Mapping[int, str], hints: Hints, found: Findings) -> None:
    missing = [role for role in (DATE, *PRICES) if role not in positions]
    if not missing:
        return
    rest = [name for k, name in names.items() if k not in positions.values() and name]
    near = {role: match[0] for role in missing if (match := difflib.get_close_matches(role, _lower(rest), n=1))}
    cure = {role: next(name for name in rest if name.lower() == near[role]) for role in near}
    hint = f"; did you mean {hints.setting('columns', cure)}?" if cure else ""
    there = f"; there are {listed(rest)}; say which it is: " if rest and not cure else ""
    example = hints.setting("columns", dict.fromkeys(missing, "HEADING")) if there else ""
    found.faults.append(f"no column {', '.join(missing)}{hint}{there}{example}")


def _lower(names: list[str]) -> list[str]:
    return [name.lower() for name in names[:1000]]


def _not_understood(names: Mapping[int, str], positions: Mapping[str, int], hints: Hints, found: Findings) -> None:
    """Adds a fault for each column that looks adjusted, and is not known."""
    for name in names.values():
        if not ADJUSTMENT.search(name.lower()) or (EVENTS.search(plain(name)) and ADJUSTED_CLOSE in positions):
            continue
        if ADJUSTED_CLOSE in positions and ADJUSTED_TOO.fullmatch(plain(name)):
            continue
        use = hints.write("columns", {ADJUSTED_CLOSE: name})
        none = hints.setting("columns", {ADJUSTED_CLOSE: None})
        found.faults.append(
            f"the column {shown(name)} looks like an adjusted price; if it is the adjusted close, {use}; if "
            f"prices shall be taken as they are, {none}"
        )
