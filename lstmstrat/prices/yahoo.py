"""Prices from Yahoo Finance: a download that is kept, or a new one, to raw bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.config.data import SourceConfig
from lstmstrat.errors import DataError
from lstmstrat.prices.bars import PRICES
from lstmstrat.prices.cells import of_frame
from lstmstrat.prices.check import ADJUSTED_CLOSE, PRICE_ROUNDING, day
from lstmstrat.prices.download import Asked, Download, Vendor
from lstmstrat.prices.findings import Hints
from lstmstrat.prices.kept import Kept, Network, as_read
from lstmstrat.prices.table import Raw, read_bars
from lstmstrat.prices.yahoo_client import INSTEAD, Patience, fetch

SPAN = {"1d": pd.DateOffset(days=1), "1wk": pd.DateOffset(weeks=1), "1mo": pd.DateOffset(months=1)}
CLOSED = pd.Timedelta(days=10)  # longer than any closure of an exchange for holidays
MOST_DATES = 5  # that a notice lists
MOST_KEPT = 5  # downloads that a message lists


def read(
    data: SourceConfig,
    network: Network = Network.DAILY,
    *,
    session: Any = None,
    now: pd.Timestamp | None = None,
    patience: Patience | None = None,
) -> tuple[Raw, Vendor]:
    """Raw bars of `data.symbol` from `data.start` to `data.end`, both included; notices; currency and time zone.

    A download is kept, and used again: for good if `data.end` was over, else on the same day (at the exchange).
    ``--offline`` uses the newest that is kept, ``--refresh`` none.

    The bar that was not over at the download (that of the day, or of its week or month) is left out. Rows that
    cannot be bars (without a price, with a price of 0 or outside of high and low, with a volume below 0) are left
    out too; a notice names their dates.

    Parameters
    ----------
    session
        A `requests` or `curl_cffi` session for this download; yfinance uses it for later downloads too.
    now
        The time of the download, with a time zone; by default the current time.
    patience
        How long Yahoo is waited for; by default about a minute.

    Raises
    ------
    DataError
        Yahoo cannot be reached, refuses, does not know the symbol, or has a history that begins too long after
        `data.start`; offline, no download is kept that reaches from start to end.
    """
    now = pd.Timestamp.now("UTC") if now is None else now
    asked = _asked(data)
    kept = Kept()
    download = None
    if network is not Network.NOW:
        download = kept.find(asked, now if network is Network.DAILY else None)
    if download is None and network is Network.NEVER:
        raise DataError(_nothing_kept(data, asked, kept))
    if download is not None:
        raw, notices = bars_of(download, data)
        return (raw, (*notices, *kept.notices)), download.vendor
    try:
        download = as_read(fetch(asked, now, session, patience))
    except DataError as error:
        raise DataError(f"{error}{_or_offline(asked, kept)}") from None
    raw, notices = bars_of(download, data)
    kept.keep(download)  # now that it has bars: what cannot be used is asked for again
    return (raw, (*notices, *kept.notices)), download.vendor


def bars_of(download: Download, data: SourceConfig) -> Raw:
    """The bars of a download that were over on its day, from `data.start` to `data.end`, and notices."""
    title = f"{data.symbol} from Yahoo"
    times = pd.DatetimeIndex(download.rows.index)
    inside = times + SPAN[data.interval] <= pd.Timestamp(download.day)  # False where a row has no date
    inside &= times >= pd.Timestamp(data.start or times.min())
    inside &= times <= pd.Timestamp(data.end or times.max())
    rows = download.rows[inside]
    if rows.empty:
        raise DataError(f"{title}: no finished bar between start: {data.start} and end: {data.end}; widen them")
    rows, left_out = _usable(rows)
    (raw, told), _ = read_bars(of_frame(rows, title), Hints(data.symbol))
    notices = [_origin(download), *told, *left_out]
    if times.hasnans:
        notices.append(f"rows that Yahoo gave no date left out: {int(np.isnat(times.to_numpy()).sum())}")
    if download.left_out:
        named = ", ".join(download.left_out[:MOST_DATES]) + (
            ", ..." if len(download.left_out) > MOST_DATES else ""
        )
        notices.append(f"events that Yahoo has wrong left out: {len(download.left_out)} ({named})")
    first, last = raw.index[0], raw.index[-1]
    if data.start and first > pd.Timestamp(data.start) + SPAN[data.interval] + CLOSED:
        raise DataError(
            f"{title}: shorter history than asked: start: {data.start}, but the first bar is {day(first)}; "
            f"write start: {day(first)} or take start: out"
        )
    if data.end and last.date() < data.end:
        notices.append(f"the last bar is {day(last)}, before the end asked for, {data.end}")
    return raw, tuple(notices)


def cure(data: SourceConfig) -> str:
    """What can be done about bars that the check refuses."""
    rows = Kept().pattern(_asked(data))
    return (
        f"Correct these rows in a copy of the newest {rows} and read it with source: csv, path: and symbol: "
        f"{data.symbol}"
    )


def _asked(data: SourceConfig) -> Asked:
    return Asked(data.symbol.upper(), data.interval, data.start, data.end)


def _origin(download: Download) -> str:
    place = f"{download.exchange}, {download.time_zone}" if download.exchange else download.time_zone
    return (
        f"DATA: Yahoo Finance, downloaded on {download.day} ({download.when:%H:%M} UTC), prices in "
        f"{download.currency or 'an unknown currency'} ({place}); its history changes at splits and dividends: "
        "--refresh downloads it anew"
    )


def _usable(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows without those that are no bars, and a notice that names them.

    Rows without any price stay, for they are told by `read_bars`; so do all if most are wrong, for then the rows
    are not what is wrong, and the check says what is.
    """
    bars = rows.rename(columns=lambda name: str(name).lower())
    prices = bars[[*PRICES, *([ADJUSTED_CLOSE] if ADJUSTED_CLOSE in bars else [])]]  # (n, 5)
    top = np.maximum(bars["open"], bars["close"]) * (1.0 - PRICE_ROUNDING)
    bottom = np.minimum(bars["open"], bars["close"]) * (1.0 + PRICE_ROUNDING)
    reasons = {
        "a price is missing": ~prices.apply(np.isfinite).all(axis="columns"),
        "a price is not above 0": (prices <= 0.0).any(axis="columns"),
        "open or close is outside of low and high": (bars["high"] < top) | (bars["low"] > bottom),
        "the volume is below 0": bars["volume"] < 0,
    }
    known = ~bars[list(PRICES)].isna().all(axis="columns")
    wrong = pd.DataFrame(reasons).any(axis="columns") & known
    if not wrong.any() or 2 * wrong.sum() > known.sum():
        return rows, []
    why = ", ".join(reason for reason, where in reasons.items() if (where & wrong).any())
    dates = ", ".join(day(time) for time in rows.index[wrong][:MOST_DATES])
    more = ", ..." if wrong.sum() > MOST_DATES else ""
    return rows[~wrong], [f"rows that Yahoo has wrong left out: {wrong.sum()} ({dates}{more}): {why}"]


def _nothing_kept(data: SourceConfig, asked: Asked, kept: Kept) -> str:
    others = kept.of_symbol(asked)[-MOST_KEPT:]
    there = "".join(f"\n  kept: {one.asked}, downloaded on {one.day}" for one in others)
    return (
        f"{data.symbol}: --offline forbids source: yahoo, a download, and none of {asked} is kept in "
        f"{kept.folder}{there}\n  Run once without --offline. {INSTEAD}"
    )


def _or_offline(asked: Asked, kept: Kept) -> str:
    """The end of a message on a failed download: what is kept can be used instead."""
    reaching = [one for one in kept.of_symbol(asked) if one.reaches(asked)]
    return f"\n  Or use the download of {reaching[-1].day}, which is kept: --offline" if reaching else ""
