"""The ledger of trials: every strategy that was ever run on an asset. The best of many trials is often luck.

A trial is one series of returns on one asset. The asset is found by the returns of its prices (`prices/levels.py`)
and the trial by its own returns, so neither depends on a name that somebody typed. Each run enters its trials, and
counts those of all runs whose traded windows overlap its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import variance
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from lstmstrat.errors import ConfigError
from lstmstrat.evaluation.metrics import sharpe
from lstmstrat.ledger import Contents, Ledger, Row
from lstmstrat.prices.levels import Levels, same_asset, same_moves
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import Trials
from lstmstrat.results.base_run import BaseRun
from lstmstrat.results.trial import Trial

T = TypeVar("T")
ASSET, TRIAL, STRIKE = "asset", "trial", "strike"  # the kinds of rows
_END = "9999-12-31"
_DECIMALS = 9  # of a return; beyond them the same orders may differ by rounding


def enter_trials(
    ledger: Ledger, run: BaseRun, rungs: Sequence[BaseRun], failed: Callable[[str], Sequence[str]]
) -> Trials:
    """Enter the strategies of a run and of the rungs of its ladder, and count the trials on its asset.

    `failed` gives the names of the checks of a strategy that failed and void an edge: such a trial counts, but its
    ratio does not.
    """
    asset, book = _Asset.of(run), _Book.of(ledger.read())
    row = book.row_with(asset) or ledger.enter(ASSET, asset.content)
    entered = {(trial.key, name) for trial in book.trials if trial.asset == row for name in ("", *trial.failed)}
    tried = [(account, tried_in) for tried_in in (*rungs, run) for account in tried_in.strategies]
    for account, tried_in in tried:
        names = list(dict.fromkeys(failed(account.name)))  # a check may fail twice
        content = _content(account, tried_in) | {"asset": row, "failed": names}
        new = {(content["key"], name) for name in ("", *names)} - entered
        if new:
            ledger.enter(TRIAL, content)
            entered |= new
    return _count(_Book.of(ledger.read()), asset, run, ledger.kept)


def read_trials(ledger: Ledger, symbol: str | None = None) -> list[Trial]:
    """The trials that can be read, the oldest first: all, or those on the asset that was once called `symbol`."""
    book = _Book.of(ledger.read())
    if symbol is None:
        return book.trials
    named = [asset for asset in book.assets.values() if asset.symbol == _upper(symbol)]
    found = {trial.number for asset in named for trial in book.trials_on(asset)}
    return [trial for trial in book.trials if trial.number in found]


def strike(ledger: Ledger, number: int, why: str) -> Trial:
    """Take the Sharpe ratio of a trial out of the variance, for a reason that is kept; the trial still counts.

    Raises
    ------
    ConfigError
        There is no such trial, it is struck already, or the reason is empty.
    """
    trials = {trial.number: trial for trial in read_trials(ledger)}
    if number not in trials:
        raise ConfigError(f"strike {number}: there is no trial {number}; lstmstrat trials lists them")
    if trials[number].struck is not None:
        raise ConfigError(f"strike {number}: trial {number} is struck already: {trials[number].struck}")
    if not why.strip():
        raise ConfigError(f'strike {number}: say why, such as --why "it read the next open"')
    ledger.enter(STRIKE, {"trial": number, "why": why.strip()})
    return replace(trials[number], struck=why.strip())


@dataclass(frozen=True, eq=False)
class _Asset:
    """What an asset was called, and the closes by which it is known again."""

    symbol: str  # upper case
    levels: Levels
    traded: Levels  # those since the begin of the traded window

    @classmethod
    def of(cls, run: BaseRun) -> _Asset:
        levels = run.levels
        return cls(_upper(run.symbol), levels, levels.since(run.dates.to_numpy()[0]))

    @property
    def content(self) -> dict[str, str]:
        return {"symbol": self.symbol, "levels": self.levels.to_text()}

    def same(self, other: _Asset) -> bool:
        """Whether both are one asset: by their returns, or by the symbol where too few returns are common.

        The same returns since `other` was traded are enough, whatever its file had before.
        """
        answers = [same_asset(self.levels, levels) for levels in (other.levels, other.traded)]
        return any(answers) or (answers[0] is None and self.symbol == other.symbol)

    def moved(self, other: _Asset) -> bool:
        """Whether both are one asset at other dates, which `same` cannot see."""
        return not self.same(other) and same_moves(self.levels, other.levels)


@dataclass(frozen=True, eq=False)
class _Book:
    """The assets and the trials of a ledger."""

    assets: dict[int, _Asset]  # by number of the row
    trials: list[Trial]  # one for each series of returns on a row of prices, the oldest first
    unknown: int  # rows that cannot be read
    begun: str | None  # date of the oldest row

    @classmethod
    def of(cls, contents: Contents) -> _Book:
        assets, bad_assets = _read(contents.of_kind(ASSET), _asset)
        trials, bad_trials = _read(contents.of_kind(TRIAL), _trial)
        strikes, bad_strikes = _read(contents.of_kind(STRIKE), _strike)
        unknown = contents.unreadable + bad_assets + bad_trials + bad_strikes
        reasons = dict(strikes.values())
        marked = [replace(trial, struck=reasons.get(number)) for number, trial in trials.items()]
        trials_of_rows = _merged(marked, lambda trial: (trial.asset, trial.key))
        return cls(assets, trials_of_rows, unknown, contents.begun)

    def row_with(self, asset: _Asset) -> int | None:
        """The row that has these prices already, but for the newest few; None if there is none."""
        rows = (number for number, known in self.assets.items() if known.symbol == asset.symbol)
        return next((number for number in rows if self.assets[number].levels.covers(asset.levels)), None)

    def trials_on(self, asset: _Asset, first: str = "", last: str = _END) -> list[Trial]:
        """The trials on an asset whose windows overlap that from `first` to `last`.

        Those on prices that cannot be read are among them, and those on the same prices at other dates, whatever
        their windows.
        """
        rows = {trial.asset for trial in self.trials}
        unknown = rows - self.assets.keys()
        same = unknown | {row for row in rows - unknown if self.assets[row].same(asset)}
        moved = {row for row in rows - same if self.assets[row].moved(asset)}
        return [t for t in self.trials if t.asset in moved or (t.asset in same and t.overlaps(first, last))]


def _count(book: _Book, asset: _Asset, run: BaseRun, kept: bool) -> Trials:
    """The trials on the asset whose windows overlap that of the run; each row that cannot be read is one more."""
    first, last = _date(run.dates[0]), _date(run.dates[-1])
    trials = _merged(book.trials_on(asset, first, last), lambda trial: trial.key)  # it may be on several rows
    ratios = [trial.counted_ratio for trial in trials if trial.counted_ratio is not None]
    return Trials(
        count=len(trials) + book.unknown,
        variance=variance(ratios) if len(ratios) > 1 else None,  # exact: the order of the trials does not matter
        kept=kept,
        struck=sum(trial.struck is not None for trial in trials),
        begun=book.begun,
    )


def _content(account: Account, run: BaseRun) -> dict[str, Any]:
    """The fields of a `Trial` that the account knows."""
    forecast = run.forecast_of(account)
    return {
        "symbol": _upper(run.symbol),
        "strategy": account.name,
        "class_path": account.class_path,
        "params": json.loads(json.dumps(account.params, default=str), parse_constant=str),  # NaN as a word
        "model": forecast and forecast.model,
        "refit_every": forecast and forecast.refit_every,
        "settings": {**({} if forecast is None else forecast.model_dump(mode="json")), **_costs(run)},
        "first": _date(account.equity.index[0]),
        "last": _date(account.equity.index[-1]),
        "bars": len(account.equity),
        "sharpe": sharpe(account.returns, run.calendar_periods),
        "key": _key(account),
    }


def _costs(run: BaseRun) -> dict[str, Any]:
    return run.config.broker.model_dump(mode="json")


def _key(account: Account) -> str:
    """A hash of the times and the returns of an account."""
    times = account.equity.index.to_numpy().astype("<M8[s]").tobytes()
    returns = np.round(account.returns, _DECIMALS) + 0.0  # never -0.0
    return hashlib.sha256(times + returns.astype("<f8").tobytes()).hexdigest()


def _read(rows: Iterable[Row], read: Callable[[Row], T]) -> tuple[dict[int, T], int]:
    """The values of rows by their numbers, and how many rows hold something else."""
    values, bad = dict[int, T](), 0
    for row in rows:
        try:
            values[row.number] = read(row)
        except (ValueError, TypeError, LookupError):
            bad += 1
    return values, bad


def _asset(row: Row) -> _Asset:
    levels = Levels.from_text(row.content["levels"])
    return _Asset(str(row.content["symbol"]), levels, levels)


def _trial(row: Row) -> Trial:
    return Trial.of(row.number, row.entered, row.content)


def _strike(row: Row) -> tuple[int, str]:
    return int(row.content["trial"]), str(row.content["why"])


def _merged(trials: Iterable[Trial], identity: Callable[[Trial], Hashable]) -> list[Trial]:
    """One trial of each identity, the first: struck, or with failed checks, if one of them is."""
    merged = dict[Hashable, Trial]()
    for trial in trials:
        first = merged.setdefault(identity(trial), trial)
        failed = (*first.failed, *(name for name in trial.failed if name not in first.failed))
        struck = trial.struck if first.struck is None else first.struck
        merged[identity(trial)] = replace(first, failed=failed, struck=struck)
    return list(merged.values())


def _upper(symbol: str) -> str:
    return symbol.strip().upper()


def _date(time: Any) -> str:
    return str(pd.Timestamp(time).date())
