"""The heading of a column to its role: what vendors call the date, the prices, the volume, the adjusted close."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from lstmstrat.prices.bars import COLUMNS, PRICES
from lstmstrat.prices.check import ADJUSTED_CLOSE

DATE, TIME, SYMBOL, TICKS = "date", "time", "symbol", "tick volume"
ROLES = (DATE, TIME, *COLUMNS, ADJUSTED_CLOSE, SYMBOL)
"""What a column can be; also the keys of ``data.columns``."""

# The names of each role without spaces and signs, in groups: one of an earlier group is preferred.
NAMES: dict[str, tuple[str, ...]] = {
    DATE: (
        "datetime dateandtime",
        "date dt dtyyyymmdd tradedate tradingdate tradingday pricedate bardate priceday sessiondate day datum "
        "fecha data",
        "timestamp opentime localtime gmttime utctime bartime begins klineopentime starttime opendate ts t",
        "time",
        "unix unixtime unixtimestamp epoch epochtime",
        "hour timeofday",
    ),
    "open": (
        "open o openprice priceopen opening openingprice openingvalue mktopen apertura abertura eroffnung "
        "eroffnungskurs eroffn erster ouverture ouv",
    ),
    "high": (
        "high h highprice pricehigh dayhigh highest max maxprice maximo maxima massimo hoch hoog haut plushaut",
    ),
    "low": ("low l lowprice pricelow daylow lowest min minprice minimo minima tief laag bas plusbas",),
    "close": (
        "close c closeprice priceclose closing closingprice closelast mktclose cierre chiusura fechamento schluss "
        "schlusskurs cloture",
        "price last latest dernier zuletzt laatste ultimo lastprice settle settlement settleprice settlementprice "
        "sett settprice",
    ),
    "volume": ("volume vol v totalvolume tradevolume tradingvolume basevolume totaltradequantity "
               "totaltradedquantity totaltradedqty sharestraded noofshares volumen stuck stucke stuecke "
               "shares quantity qty tradedquantity totalquantity sharevolume quantidade cantidad quantita",
               "numberofshares"),
    TICKS: ("tickvol tickvolume ticks",),
    ADJUSTED_CLOSE: (
        "adjclose adjustedclose closeadj closeadjusted adjcloseprice adjclosing adjclosingprice "
        "adjustedcloseprice adjustedclosing adjustedclosingprice adjcloselast adj adjusted adjprice adjustedprice "
        "closeadjprice adjc adjlast adjustedlast adjcp",
    ),
    SYMBOL: (
        "symbol ticker tickersymbol stocksymbol tic ric pair",
        "name code asset instrument stock security tscode",
    ),
}  # fmt: skip
RANKS = {
    name: (role, rank)
    for role, groups in NAMES.items()
    for rank, group in enumerate(groups)
    for name in group.split()
}
MONEY = "usd|eur|gbp|gbx|jpy|chf|cad|aud|inr|cny|hkd|sek|nok|krw|brl|usdt|usdc|btc|eth"
ADJUSTMENT = re.compile(
    r"(?<!un)(?<!non)(?<!non-)(?<!non )(?<!not )adj(?!acent)|ajust|bereinigt|rettific|aggiust|gecorrigeerd|"
    r"aangepast|juster[at]|skoryg|düzelt|скорр|調整|调整|复权|復権|수정|total.?return|\btr.close|close.tr\b"
)
ADJUSTED_TOO = re.compile(r"(adj|adjusted)(open|high|low|volume)|(open|high|low|volume)(adj|adjusted)")
EVENTS = re.compile(r"split|dividend|divcash|exdiv|capitalgain|factor")
OTHER_DAY = re.compile(
    r"prev|^pre(open|high|low|close|sett)|prior|yest|ystd|^[py](close|open|high|low)$|vortag|vorig|vorherig|anterior|"
    r"preced|ayer|hier|ieri|next|tomorrow|昨|前"
)  # prices of the day before or after
UNIT = re.compile(r"[(\[{]([^)\]}]*)[)\]}]")  # Volume (shares)
NUMBERING, SIGNS = re.compile(r"^\s*\d+[a-z]?\.\s"), re.compile(r"[\W_]+")
OF_CURRENCY = re.compile(f"({'|'.join(PRICES)}|adjclose)({MONEY})")
VOLUME_OF_COINS, VOLUME_OF_MONEY = re.compile(r"(?i:volume)[\s_-]*[A-Z]{3,6}"), re.compile(f"volume({MONEY})")
SPLITS, FACTOR = re.compile("split"), re.compile("factor")


def plain(heading: str) -> str:
    """A heading without case, spaces, signs, numbering and units.

    Examples
    --------
    >>> plain("<CLOSE>"), plain("Adj Close**"), plain("1. open"), plain("Volume (shares)")
    ('close', 'adjclose', 'open', 'volume')
    """
    return _plain(heading[:200])


@lru_cache(maxsize=32_768)  # a heading is asked about ten times, and the first rows of a file once a separator
def _plain(heading: str) -> str:
    letters = unicodedata.normalize("NFKD", heading).lower()
    text = "".join(letter for letter in letters if not unicodedata.combining(letter))
    text = UNIT.sub(lambda unit: unit[1] if ADJUSTMENT.search(unit[1]) else " ", text.replace("%", " percent "))
    return SIGNS.sub("", NUMBERING.sub("", text))


def role_of(heading: str) -> tuple[str, int] | None:
    """The role of a heading, and its rank among the names of that role, 0 the best; None if it is not known.

    Examples
    --------
    >>> role_of("Close/Last"), role_of("Price"), role_of("Change %")
    (('close', 0), ('close', 1), None)
    """
    name = plain(heading)
    if name in RANKS:
        return RANKS[name]
    unit = OF_CURRENCY.fullmatch(name)
    if unit and unit[1] in RANKS:
        return RANKS[unit[1]]
    of_currency = VOLUME_OF_COINS.fullmatch(heading.strip()) or VOLUME_OF_MONEY.fullmatch(name)
    return ("volume", 1) if of_currency else None


def is_price(heading: str) -> bool:
    """Whether a heading names one of the four prices."""
    found = role_of(heading)
    return found is not None and found[0] in PRICES
