"""The section ``data:``: the prices, how a file is read, and what comes from outside of them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from lstmstrat.config.limits import DATA, EXTRA, PEER
from lstmstrat.config.names import COLUMN_NAME
from lstmstrat.config.section import Date, Section, as_tuple, plain
from lstmstrat.errors import did_you_mean

LONGEST_LAG = 520 * 10_080  # minutes; ten years
COLUMN_ROLES = ("date", "time", "open", "high", "low", "close", "volume", "adj close", "symbol")
FILE_ENDS = (".csv", ".gz", ".zip", ".bz2", ".xz", ".txt", ".tsv", ".dat", ".parquet", ".pq")


def _columns(value: object) -> object:
    """Roles and headings; ``adj_close`` is another spelling of ``adj close``."""
    if not isinstance(value, Mapping):
        raise ValueError("expected roles and headings, such as {date: time, volume: Volume BTC}")
    columns = {str(role).replace("_", " "): column for role, column in value.items()}
    for role, heading in columns.items():
        if role not in COLUMN_ROLES:
            raise ValueError(f"{role!r} is no role of a column{did_you_mean(role, COLUMN_ROLES)}")
        if isinstance(heading, bool) or not isinstance(heading, (str, int, type(None))):
            raise ValueError(f"{role}: expected a heading, the number of a column, or null")
        if heading is None and role not in ("time", "volume", "adj close", "symbol"):
            raise ValueError(f"{role}: null, but there are no bars without it; expected a heading or a number")
    return columns


def _file(value: object) -> object:
    """A path of pathlib as text; the sentence for a frame in its place."""
    if hasattr(value, "to_csv"):
        raise ValueError(
            "a frame, expected the name of a file; write it to one with frame.to_csv('prices.csv'), or make "
            "prices of it: lstmstrat.Prices.from_frame(frame, 'MINE')"
        )
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _stem(path: str | os.PathLike[str]) -> str:
    """The name of a file without its folder and its endings: BRK.B of prices/BRK.B.csv.gz."""
    name = PurePath(path).name
    while (end := PurePath(name).suffix.lower()) in FILE_ENDS:
        name = name[: -len(end)]
    return name or PurePath(path).name


def is_zone(name: str) -> bool:
    """Whether the IANA database has a time zone of that name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _zone(name: str | None) -> str | None:
    if name is None or is_zone(name):
        return name
    raise ValueError("no such time zone; expected a name such as Europe/London")


def entry_of(key: str, name: str) -> str:
    """An entry of a list under ``data:`` in words, for a message that says where to type something.

    >>> entry_of("extra", "mood")
    'name: mood in data.extra'
    """
    return f"name: {name} in data.{key}"


def _entry_name(name: str) -> str:
    if re.fullmatch(COLUMN_NAME, name):
        return name
    raise ValueError("expected a letter, then letters, digits, - and _, such as mood")


def _lag(value: str) -> str:
    if found := re.fullmatch(r"(\d{1,7})(w|d|h|min)", value):
        minutes = int(found[1]) * {"w": 10_080, "d": 1_440, "h": 60, "min": 1}[found[2]]
        if minutes > LONGEST_LAG:
            raise ValueError("expected at most 520w: what is known ten years later is of no use")
        return value
    raise ValueError("expected a number of weeks, days, hours or minutes: 2w, 1d, 36h, 90min; none is 0d")


Lag = Annotated[str, AfterValidator(_lag)]


PLACE = "{symbol}"  # in the path of a universe


def _symbols(value: object) -> object:
    """A list of symbols as a tuple; ON and NO, which YAML takes for true and false, are named."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if not isinstance(value, (list, tuple)):
        return value
    for one in value:
        if not isinstance(one, str) or not one.strip():
            raise ValueError(f"{one!r} is no symbol; write each in quotes, as in ['ON', 'KO']")
    for symbol in (one for one, count in Counter(value).items() if count > 1):
        raise ValueError(f"{symbol!r} stands there twice; take one out")
    return tuple(value)


class SourceConfig(Section):
    """Bars from a source: symbol and file; of a file that can be read in two ways, which; what of odd prices."""

    limits = DATA

    symbol: Annotated[str, Field(min_length=1), AfterValidator(plain)] = "AAPL"
    """What the asset or universe is called; by default as its file. Of a file of several symbols the one taken."""
    source: Literal["bundled", "yahoo", "csv", "parquet", "frame"] = "bundled"
    """bundled: comes with the package; yahoo: a download; csv, parquet: your file; frame: prices= in Python."""
    path: Annotated[str | None, BeforeValidator(_file)] = None
    """The file, relative to the current directory."""
    start: Date | None = None
    """First bar, inclusive."""
    end: Date | None = None
    """Last bar, inclusive."""
    interval: Literal["1d", "1wk", "1mo"] = "1d"
    """Length of a bar that is asked of Yahoo; files keep the one they have."""
    columns: Annotated[dict[str, str | int | None], BeforeValidator(_columns)] = {}  # noqa: RUF012 (pydantic copies it)
    """Which column is which: its heading or its number from 1, null for none: {date: time, volume: Volume BTC}."""
    date_format: Annotated[str, Field(min_length=1)] | None = None
    """The form of the dates, as in strptime: "%d/%m/%Y"; or s, ms, us, ns since 1970, or excel, of numbers."""
    time_zone: Annotated[str | None, AfterValidator(_zone)] = None
    """Where the exchange is, such as Europe/London. Times in UTC or with an offset become those of its clock."""
    decimal: Literal[".", ","] | None = None
    """The decimal sign, where 1,234 may be 1234 or 1.234."""

    faults: Literal["report", "refuse", "drop", "quarantine"] = "report"
    """report: name what cannot be true; refuse: do not run on it; drop: leave single bars out; quarantine: 60."""
    accepted: Annotated[tuple[Date, ...], BeforeValidator(as_tuple)] = ()
    """Dates of findings that are right, such as a crash; any other one voids an edge: [2008-09-29]."""

    @model_validator(mode="before")
    @classmethod
    def _called_by_its_file(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or "symbol" in values or values.get("source") not in ("csv", "parquet"):
            return values
        path = values.get("path")
        return {**values, "symbol": _stem(path)} if isinstance(path, (str, os.PathLike)) and str(path) else values

    @model_validator(mode="after")
    def _consistent(self) -> SourceConfig:
        is_file = self.source in ("csv", "parquet")
        if is_file and not self.path:
            raise ValueError(f"source: {self.source} needs a file; add path: prices.{self.source}")
        if self.path and not is_file:
            raise ValueError(f"path is only read with source: csv or parquet, not {self.source}; remove it")
        if self.path and re.match(r"[a-z]{2,}://", self.path, re.IGNORECASE):
            raise ValueError("path is an address; download the file, and write path: with its name")
        for key in ("columns", "date_format", "time_zone", "decimal"):
            if getattr(self, key) and not is_file:
                raise ValueError(f"{key} is only for source: csv or parquet, not {self.source}; remove it")
        if self.source != "yahoo" and self.interval != "1d":
            raise ValueError("interval is only asked of source: yahoo; files keep the interval they have")
        if self.start and self.end and self.start >= self.end:
            raise ValueError(f"start {self.start} must lie before end {self.end}")
        return self

    @property
    def entry(self) -> str:
        """Where in a list its settings are written, for a message; "" of the prices themselves."""
        return ""


class PeerConfig(SourceConfig):
    """Another asset, whose `peer_features` become inputs of every forecast; joined by time.

    `faults` is that of the prices by default.

    Examples
    --------
    >>> import lstmstrat
    >>> data = lstmstrat.DataConfig(peers=[{"name": "ibm", "symbol": "IBM"}])
    >>> data.peers[0].source
    'bundled'
    """

    limits = PEER

    name: Annotated[str, AfterValidator(_entry_name)]
    """What it is called in the report and in messages."""
    lag: Lag | None = None
    """How long after its time a bar is known, such as 1d if it closes after yours; by default 0d or its length."""

    @model_validator(mode="after")
    def _has_its_symbol(self) -> PeerConfig:
        if self.source in ("bundled", "yahoo") and "symbol" not in self.model_fields_set:
            raise ValueError(f"symbol is missing; write symbol: {self.name.upper()} beside {self.entry}")
        return self

    @property
    def entry(self) -> str:
        """Where in a list its settings are written, for a message."""
        return entry_of("peers", self.name)


class ExtraConfig(Section):
    """A column of numbers from a file of your own, with dates: ``column:NAME`` in `features`.

    Examples
    --------
    >>> import lstmstrat
    >>> data = lstmstrat.DataConfig(extra=[{"name": "mood", "path": "mood.csv", "lag": "2d"}])
    >>> data.extra[0].name
    'mood'
    """

    limits = EXTRA

    name: Annotated[str, AfterValidator(_entry_name)]
    """What it is called in `features`, column:NAME, and in the report."""
    path: Annotated[str, Field(min_length=1), BeforeValidator(_file)]
    """A CSV file, or a Parquet file (.parquet, .pq), relative to the current directory."""
    date: str | int | None = None
    """The heading of the dates, or the number of their column from 1; by default what vendors call a date."""
    column: str | int | None = None
    """The heading of the values, or the number of their column; by default the only other column, or NAME."""
    lag: Lag | None = None
    """How long after its time a row is known: 1d, 36h, 2w. By default 1d for dates, 0d for times of day."""
    date_format: Annotated[str, Field(min_length=1)] | None = None
    """As in `data`."""
    time_zone: Annotated[str | None, AfterValidator(_zone)] = None
    """The clock of its times, such as Europe/London; of times in UTC or with an offset the clock of the prices."""
    decimal: Literal[".", ","] | None = None
    """As in `data`."""

    @property
    def entry(self) -> str:
        """Where in a list its settings are written, for a message."""
        return entry_of("extra", self.name)


def _unique_names(entries: tuple[Any, ...]) -> tuple[Any, ...]:
    names = Counter(entry.name for entry in entries)
    for name in sorted(name for name, count in names.items() if count > 1):
        raise ValueError(f"two of them are called {name!r}; give one another name:")
    return entries


class DataConfig(SourceConfig):
    """The prices: symbol, source and dates, and how a file is read; what comes from outside of them, with dates.

    Examples
    --------
    A file without a symbol is called by its name:

    >>> import lstmstrat
    >>> lstmstrat.DataConfig(source="csv", path="prices/EURUSD.csv.gz").symbol
    'EURUSD'
    """

    limits = DATA

    extra: Annotated[tuple[ExtraConfig, ...], BeforeValidator(as_tuple), AfterValidator(_unique_names)] = ()
    """Columns of your own files, joined by time: [{name: mood, path: mood.csv}]; in features column:mood."""
    peers: Annotated[tuple[PeerConfig, ...], BeforeValidator(as_tuple), AfterValidator(_unique_names)] = ()
    """Other assets, joined by time, whose peer_features become inputs: [{name: ibm, symbol: IBM}]."""
    universe: Annotated[str | tuple[str, ...], BeforeValidator(_symbols)] | None = None
    """Many assets: [AAPL, MSFT], a CSV file of symbol, start, end, group, or us_stocks; path has {symbol}."""
    index: Annotated[str, Field(min_length=1), BeforeValidator(_file)] | None = None
    """The index that a universe is a part of, a CSV file like its own or sp500; its share is in the report."""

    @model_validator(mode="before")
    @classmethod
    def _as_of_a_universe(cls, values: Any) -> Any:
        """Without more said, a universe is called by its file, and a faulty asset does not end its run."""
        if not isinstance(values, Mapping) or not (universe := values.get("universe")):
            return values
        name = _stem(universe) if isinstance(universe, (str, os.PathLike)) and str(universe) else "universe"
        return {"symbol": name, "faults": "quarantine", **values}

    @model_validator(mode="after")
    def _of_one_or_of_many(self) -> DataConfig:
        if self.universe is None:
            if self.faults == "quarantine":
                raise ValueError("faults: quarantine is for a universe; write report, refuse or drop")
            if self.index is not None:
                raise ValueError("index: it needs data.universe, such as us_stocks; take it out, or name one")
            return self
        if self.faults not in ("quarantine", "refuse"):
            raise ValueError(f"universe: faults: {self.faults} is for one asset; write quarantine or refuse")
        if self.extra or self.peers:
            raise ValueError("universe: extra and peers are for one asset; take them out")
        if self.path and PLACE not in self.path:
            raise ValueError(f"universe: path is one file for all; write {PLACE} in it, as in prices/{PLACE}.csv")
        if isinstance(self.universe, tuple) and self.symbol in self.universe:
            raise ValueError(
                f"symbol: {self.symbol} is one of the universe, which would be called so; take symbol out"
            )
        if self.source == "frame":
            raise ValueError("universe: write source: bundled, csv, parquet or yahoo")
        return self

    @field_validator("peers", mode="after")
    @classmethod
    def _faults_as_of_the_prices(cls, peers: tuple[PeerConfig, ...], info: ValidationInfo) -> Any:
        rule = {"faults": info.data.get("faults", "report")}
        return tuple(peer if "faults" in peer.model_fields_set else peer.model_copy(update=rule) for peer in peers)
