"""Which column of a table is the date, the open ... the adjusted close: `chosen`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from lstmstrat.prices.bars import COLUMNS, PRICES
from lstmstrat.prices.cells import Names, Table
from lstmstrat.prices.check import ADJUSTED_CLOSE
from lstmstrat.prices.findings import Findings, Hints, listed, shown
from lstmstrat.prices.headings import (
    ADJUSTED_TOO,
    ADJUSTMENT,
    DATE,
    EVENTS,
    OTHER_DAY,
    SYMBOL,
    TICKS,
    TIME,
    is_price,
    plain,
    role_of,
)
from lstmstrat.prices.layouts import CLOCK
from lstmstrat.prices.times_of_day import tidy

DATED = re.compile(
    r"\d{4}[-./]\d{1,2}([-./]\d{1,2})?\b|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}\b|\d{8}(\.0)?$|\d{10,19}(\.\d*)?$"
)
OF_DAY = r"\d{1,6}|\d{1,2}\D\d\d(\D.*)?"  # 93000, 9.30
HOURS = {"time": OF_DAY, "hour": r"\d{1,6}", "timeofday": OF_DAY}  # 9.50 under Hour may be half past nine
NAMELESS = ("", "index", "unnamed0", "level0", "indexleveldtype0")  # what pandas calls an index without a name
MOST_DATES = 100  # columns that may be the date
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
    positions = {role: k for role, k in asked.items() if k is not None}
    free = Free(dict(names), {k: role_of(name) for k, name in names.items()})
    free.take(positions)
    for role in (*COLUMNS, ADJUSTED_CLOSE, TICKS, SYMBOL):
        if role not in asked:
            positions |= free.best(role, hints, found)
    positions |= dates(table, free, asked, hints, found)
    _missing(positions, names, hints, found)
    as_they_are = ADJUSTED_CLOSE in asked and asked[ADJUSTED_CLOSE] is None
    if not as_they_are:
        _not_understood(free.names, ADJUSTED_CLOSE in positions, hints, found)
    events = {name: k for k, name in free.names.items() if free.known[k] is None and EVENTS.search(plain(name))}
    if SYMBOL not in positions:
        unnamed = [k for k, name in free.names.items() if not name and WORD.search(table.first(k))]
        positions |= dict(zip([SYMBOL], unnamed, strict=False))
    return Roles(positions, events, as_they_are)


@dataclass
class Free:
    """The columns that have no role yet: their names, and what the vendors mean by them, by position."""

    names: dict[int, str]
    known: dict[int, tuple[str, int] | None]

    def take(self, positions: Mapping[str, int]) -> None:
        """These columns have a role now."""
        for k in positions.values():
            self.names.pop(k, None)

    def of(self, role: str) -> dict[int, int]:
        """The rank of each column that may have a role."""
        known = {k: self.known[k] for k in self.names}
        return {k: one[1] for k, one in known.items() if one is not None and one[0] == role}

    def best(self, role: str, hints: Hints, found: Findings, but: Collection[int] = ()) -> dict[str, int]:
        """Takes the column of the best rank for a role; two of them are a fault, but not of symbols."""
        ranks = {k: rank for k, rank in self.of(role).items() if k not in but}
        first = min(ranks.values(), default=0)
        best = [k for k, rank in ranks.items() if rank == first]
        if len(best) > 1 and role != SYMBOL:
            two = [self.names[k] for k in best]
            alone = len(set(two)) == len(two) and position_of(two[0], self.names) is not None
            cure = hints.write("columns", {role: two[0] if alone else best[0] + 1})
            found.faults.append(f"more than one column is called {role}: {listed(two)}; {cure} for the first")
        taken = {role: best[0]} if best else {}
        if role == "close" and len(ranks) > len(best) == 1:
            others = listed(self.names[k] for k in ranks if k != best[0])
            found.notices.append(f"the close is the column {shown(self.names[best[0]])}; not used: {others}")
        self.take(taken)
        return taken


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
    level = next(k for k, parts in enumerate(zip(*keys, strict=True)) if len(set(parts)) > 1)
    symbols = [key[level] for key in keys]
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
        position = None if column is None else position_of(column, names)
        if column is not None and position is None:
            near = difflib.get_close_matches(str(column), _of_the_day(names.values()), n=1)
            hint = f"; did you mean {shown(near[0])}?" if near else f"; there are {listed(names.values())}"
            found.faults.append(f"{hints.setting('columns', {role: column})}: there is no such column{hint}")
            continue
        asked[role] = position
    return asked


def position_of(column: str | int, names: Mapping[int, str]) -> int | None:
    """The position of the column that the user names, or gives the number of, from 1."""
    if isinstance(column, int):
        return column - 1 if column - 1 in names else None
    for same in (lambda name: name == column, lambda name: plain(name) == plain(column)):
        positions = [k for k, name in names.items() if same(name)]
        if len(positions) == 1:
            return positions[0]
    return None


def dates(
    table: Table, free: Free, asked: Mapping[str, int | None], hints: Hints, found: Findings
) -> dict[str, int]:
    """The columns of the date and of the time of day."""
    called = list(free.of(DATE))
    if not called and DATE not in asked:
        return _by_content(table, free, found)
    first = {k: table.first(k) for k in called[:MOST_DATES]}
    dated = [k for k, cell in first.items() if DATED.match(cell)]
    clocks = [
        k
        for k, cell in first.items()
        if CLOCK.fullmatch(tidy(cell))
        or (plain(free.names[k]) in HOURS and set(dated) - {k} and re.fullmatch(HOURS[plain(free.names[k])], cell))
    ]
    given = {} if DATE in asked else free.best(DATE, hints, found, but=clocks)
    date = given.get(DATE, asked.get(DATE))
    if date is not None and TIME not in asked and ":" not in table.first(date):
        given |= dict(zip([TIME], clocks, strict=False))
    free.take(given)
    return given


def _by_content(table: Table, free: Free, found: Findings) -> dict[str, int]:
    """The only column that holds dates, under whatever name."""
    dated = [k for k in free.names if free.known[k] is None and DATED.match(table.first(k))]
    unnamed = [k for k in dated if plain(free.names[k]) in NAMELESS]
    if len(dated) == 1 and not unnamed:
        found.notices.append(f"the dates are those of the column {shown(free.names[dated[0]])}")
    dated = unnamed or dated
    given = {DATE: dated[0]} if len(dated) == 1 else {}
    free.take(given)
    return given


def _missing(positions: Mapping[str, int], names: Mapping[int, str], hints: Hints, found: Findings) -> None:
    missing = [role for role in (DATE, *PRICES) if role not in positions]
    if not missing:
        return
    used = set(positions.values())
    rest = [name for k, name in names.items() if k not in used and name]
    others = _adjusted_too([role for role in missing if role != "close"], rest)
    if "close" in missing and ADJUSTED_CLOSE in positions and "HEADING" not in others.values():
        name = names[positions[ADJUSTED_CLOSE]]
        only = hints.write("columns", {**others, "close": name, ADJUSTED_CLOSE: None})
        named = ", ".join(missing)
        found.faults.append(f"no column {named} beside {shown(name)}; if all prices are adjusted like it, {only}")
        return
    if missing == ["open", "high", "low"]:
        name = names[positions["close"]]
        closes = hints.write("columns", dict.fromkeys(PRICES, name))
        found.faults.append(f"no column {', '.join(missing)}; to trade at the closes alone, {closes}")
        return
    cure = _likely(missing, _of_the_day(rest))
    named = ", ".join(missing)
    if "HEADING" not in cure.values():
        found.faults.append(f"no column {named}; did you mean {hints.setting('columns', cure)}?")
        return
    there = f"; there are {listed(rest)}; say which it is: {hints.setting('columns', cure)}" if rest else ""
    found.faults.append(f"no column {named}{there}")


def _adjusted_too(missing: list[str], rest: list[str]) -> dict[str, str]:
    """A heading for each missing role where all prices are adjusted, and for the volume: adjOpen, Adj. Low."""
    too = {match[2] or match[3]: name for name in rest if (match := ADJUSTED_TOO.fullmatch(plain(name)))}
    volume = {role: too[role] for role in ("volume",) if role in too}
    return {role: too.get(role, "HEADING") for role in missing} | volume


def _of_the_day(names: Iterable[str]) -> list[str]:
    """The headings that may be offered for a price of the bar: not those of the day before or after."""
    return [name for name in names if not OTHER_DAY.search(plain(name))]


def _likely(missing: list[str], rest: list[str]) -> dict[str, str]:
    """A heading for each missing role: the nearest of `rest`, or the only one that is left; else HEADING."""
    lower = {name.lower(): name for name in rest[:1000]}
    near = {role: match[0] for role in missing if (match := difflib.get_close_matches(role, lower, n=1))}
    left = [name for name in lower if name not in near.values()]
    others = [role for role in missing if role not in near]
    if near and len(left) == len(others) == 1:
        near[others[0]] = left[0]
    return {role: lower[near[role]] if role in near else "HEADING" for role in missing}


def _not_understood(names: Mapping[int, str], adjusted: bool, hints: Hints, found: Findings) -> None:
    """Adds a fault for each column that looks adjusted and is not known; `adjusted`: an adjusted close is."""
    for name in names.values():
        if not ADJUSTMENT.search(name.lower()):
            continue
        if adjusted and (EVENTS.search(plain(name)) or ADJUSTED_TOO.fullmatch(plain(name))):
            continue
        found.faults.append(looks_adjusted(name, hints))


def looks_adjusted(name: str, hints: Hints) -> str:
    """The sentence on a column that may be an adjusted close."""
    use = hints.write("columns", {ADJUSTED_CLOSE: name})
    none = hints.setting("columns", {ADJUSTED_CLOSE: None})
    return (
        f"the column {shown(name)} looks like an adjusted price; if it is the adjusted close, {use}; if "
        f"prices shall be taken as they are, {none}"
    )
