"""What the scores of a universe are worth, in plain sentences and in tables, for the terminal and the page.

Of a run on one asset there is nothing to say here: every list is empty.
"""

from __future__ import annotations

from collections.abc import Sequence

from lstmstrat.config.schema import BrokerConfig
from lstmstrat.errors import count
from lstmstrat.evaluation.rank_books import BP, Book
from lstmstrat.evaluation.ranks import Estimate
from lstmstrat.evaluation.survivors import OWN, CoverageOfYear
from lstmstrat.report import rank_ladder
from lstmstrat.report.cells import amount, fine_percent, fixed, percent, ratio, tenths, thousandths
from lstmstrat.report.parts import Part
from lstmstrat.report.rank_ladder import sure, told
from lstmstrat.results.assessment import Assessment
from lstmstrat.results.panel.facts import PanelFacts, UniverseFacts

NEARLY_ALL = 0.99  # of the members that have prices
SELDOM_BY_CHANCE = "who is missing is seldom missing by chance"
LITTLE = 0.1  # a rank correlation below it is small
QUANTILE = {10: "tenth", 5: "fifth", 2: "half"}


def holding(found: Assessment) -> list[str]:
    """What holding a universe is."""
    if found.universe is None:
        return []
    return [f"Holding {found.data.symbol} means an equal part in each of its {_members(found.universe)}."]


def brief(found: Assessment) -> list[str]:
    """Whether the forecast orders the members and whether that pays, without a term of statistics."""
    if (panel := found.panel) is None:
        return []
    if panel.skill.ic.mean is None:
        return ["Whether the forecast can tell them apart is not known: too few have a score and a return."]
    return [f"The forecast ranks them {_better(panel.skill.ic)} chance; {_worth(panel, found.costs)}."]


def _worth(panel: PanelFacts, costs: BrokerConfig) -> str:
    """What came of the plainest trades on the scores, which may be others than those of the portfolio."""
    if panel.books.books[0].gross.mean is None:
        return "whether trading on that pays is not known"
    quantile, even = QUANTILE[panel.books.quantiles], panel.break_even_bp
    traded = f"buying the best {quantile} and shorting the worst each session"
    if even is None:
        return f"{traded} lost even without costs"
    paid = _share(BP * (costs.commission + costs.slippage))
    return f"{traded} paid for costs of {_share(even)} a trade, and a trade costs {paid}"


def _better(ic: Estimate) -> str:
    if sure(ic) < 0:
        return "worse than"
    if sure(ic) == 0:
        return "no better than"
    return "a little better than" if (ic.mean or 0.0) < LITTLE else "better than"


def sentences(found: Assessment) -> list[str]:
    """Do the scores order what comes, does it pay, and is it the survivors?"""
    if found.panel is None or found.universe is None:
        return []
    said = [order(found.universe, found.panel), pays(found.panel, found.costs), survivors(found.panel)]
    about = [covered(found.universe), *of_index(found.universe), *_missing(found.panel)]
    return [*said, *rank_ladder.sentences(found.panel), *about]


def order(universe: UniverseFacts, panel: PanelFacts) -> str:
    """Whether a higher score came before a higher return."""
    skill = panel.skill
    if skill.ic.mean is None:
        return "Whether the scores order what comes is not known: no session has enough scores with a return."
    among = f"Among its {_members(universe)}"
    correlation = f"rank correlation {told(skill.ic)}"
    side = (
        f"{fine_percent(skill.hit_rate)} of the assets came out on the side of the middle on which their score "
        "was; chance has 50%."
    )
    if sure(skill.ic) < 0:
        return f"{among}, a higher score came before a lower return, more often than chance: {correlation}. {side}"
    much = "no more often than chance"
    if sure(skill.ic) > 0:
        much = "a little more often than chance" if skill.ic.mean < LITTLE else "more often than chance"
    return f"{among}, a higher score came before a higher return {much}: {correlation}. {side}"


def pays(panel: PanelFacts, costs: BrokerConfig) -> str:
    """Whether the best and the worst pay for their trades, and what patience changes."""
    at_once, *patient = panel.books.books
    if at_once.gross.mean is None:
        return "Whether the order pays is not known: too few assets have a score at the same session."
    each = f"Trading the best and the worst {QUANTILE[panel.books.quantiles]} every session"
    said = f"{each} {_outcome(at_once, f'; this account pays {_paid(costs)}')}."
    return f"{said} {_patience(patient[-1])}" if patient else said


def _outcome(book: Book, paid: str = "") -> str:
    if book.break_even is None:
        return f"loses {_bp(-(book.gross.mean or 0.0))} bp a session even without costs"
    earns = book.net is not None and book.net > 0.0
    so = f"so it earns {_bp(book.net)} bp a session" if earns else "so it loses"
    return f"breaks even at {_bp(book.break_even)} bp a trade{paid}, {so}"


def _patience(book: Book) -> str:
    """The book that holds on for longest; not the best of all, which luck has a part in choosing."""
    until = (
        f"Letting a holding go only when it leaves the better {percent(book.hold_until)} (for shorts the worse)"
    )
    return f"{until} {_outcome(book)}."


def survivors(panel: PanelFacts) -> str:
    """Whether it is what an asset always scores, which survival flatters, or what it scores today."""
    found = panel.survivors
    if found.static.mean is None or found.timing.mean is None:
        return f"Is it the survivors? Not known: that takes more than {OWN} scores of an asset."
    usual, today = (
        f"(correlation {thousandths(one.mean)}, t {tenths(one.t)})" for one in (found.static, found.timing)
    )
    static, timing = sure(found.static) > 0, sure(found.timing) > 0
    if timing and not static:
        return (
            f"It is not a list of survivors: what orders the returns is a score above or below the usual one of "
            f"its asset {today}, not that usual score {usual}."
        )
    if static and not timing:
        return (
            f"It may be the survivors: what orders the returns is the usual score of each asset {usual}, and "
            f"not what it scores today beside that {today}."
        )
    if static:
        return (
            f"A part may be the survivors: the usual score of each asset orders the returns {usual}, and so does "
            f"what it scores today beside that {today}."
        )
    return (
        f"Is it the survivors? There is nothing to explain: neither the usual score of each asset {usual} nor "
        f"what it scores today beside that {today} came before higher returns more often than chance."
    )


def covered(universe: UniverseFacts) -> str:
    """How much of the universe has prices: in every year, or in the first, the worst and the last."""
    known = [one.share for one in universe.coverage if one.share is not None]
    if not known:
        return "How much of the universe has prices is not known: it has no members."
    if min(known) > NEARLY_ALL:
        return f"At least {fine_percent(min(known))} of its members have prices in every year."
    return f"Prices are there for {_by_year(universe.coverage, ' of its members')}; {SELDOM_BY_CHANCE}."


def of_index(universe: UniverseFacts) -> list[str]:
    """How much of its index the universe is, the same way; nothing where the index is not known."""
    if not universe.index:
        return []
    if not any(one.share is not None for one in universe.index_coverage):
        return [f"How much of {universe.index} it has is not known: that has no members in these years."]
    shares = _by_year(universe.index_coverage)
    return [f"Of the members of {universe.index} it has {shares}; {SELDOM_BY_CHANCE}."]


def _by_year(coverage: Sequence[CoverageOfYear], of_whom: str = "") -> str:
    """The share in the first, the worst and the last year that has one."""
    known = [(one.share, one.year) for one in coverage if one.share is not None]
    years = sorted({known[0], min(known), known[-1]}, key=lambda one: one[1])
    return ", ".join(f"{_part(share)}{of_whom} in {year}" for share, year in years)


def _part(share: float) -> str:
    return "all" if share == 1.0 else fine_percent(share)


def _missing(panel: PanelFacts) -> list[str]:
    if not panel.missing:
        return []
    reasons = ", ".join(f"{why.replace('`', '')} ({amount(times)})" for why, times in panel.missing.items())
    return [f"Members had no forecast {count(sum(panel.missing.values()), 'time')}: {reasons}."]


def _members(universe: UniverseFacts) -> str:
    """``109 to 116 members``."""
    low, high = universe.members
    return count(high, "member") if low == high else f"{low:,} to {count(high, 'member')}"


def _bp(value: float | None) -> str:
    return fixed(value, 1)


def _share(points: float) -> str:
    """Basis points as percent: ``0.05%``."""
    return f"{fixed(points / 100.0, 2)}%"


def _paid(costs: BrokerConfig) -> str:
    """What a trade costs, in basis points: ``15`` or ``12.5``."""
    return f"{round(BP * (costs.commission + costs.slippage), 1):g}"


def parts(found: Assessment) -> list[Part]:
    """The tables: by year, by lag, by quantile of the scores, by patience, and the ladder if there is one."""
    if (panel := found.panel) is None:
        return []
    quantile, skill = QUANTILE[panel.books.quantiles], panel.skill
    years = [[str(one.year), amount(one.ic.sessions), *_cells(one.ic)] for one in skill.years]
    lags = [[str(k), *_cells(one)] for k, one in enumerate(skill.lags)]
    return [
        Part("By year", "Rank correlation of scores and returns", [["year", "sessions", *HEADS], *years]),
        Part("By lag", "With the return of one session, so many sessions later", [["lag", *HEADS], *lags]),
        Part(f"By {quantile}", LADDER.format(quantile), [[quantile, "bp a session", "t"], *_ladder(panel)]),
        Part("By patience", _books_say(quantile, found.costs), [[*BOOK_HEADS], *map(_book, panel.books.books)]),
        *rank_ladder.parts(panel),
    ]


HEADS = ("rank correlation", "t")
LADDER = "What each {} of the scores earned, less the mean of all; the lowest scores first"
BOOK_HEADS = ("hold until", "gross bp", "t", "turnover", "break-even bp", "net bp")


def _books_say(quantile: str, costs: BrokerConfig) -> str:
    return (
        f"Long the best {quantile} and short the worst, let go when out of the better share; bp a session, net at "
        f"{_paid(costs)} bp a trade"
    )


def _cells(found: Estimate) -> list[str]:
    return [thousandths(found.mean), tenths(found.t)]


def _ladder(panel: PanelFacts) -> Sequence[list[str]]:
    return [[str(k), _bp(one.mean), tenths(one.t)] for k, one in enumerate(panel.books.ladder, 1)]


def _book(book: Book) -> list[str]:
    gross = _bp(book.gross.mean), tenths(book.gross.t)
    return [percent(book.hold_until), *gross, ratio(book.turnover), _bp(book.break_even), _bp(book.net)]
