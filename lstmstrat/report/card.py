"""The honesty card: facts that a reader must know before the numbers of a run."""

from __future__ import annotations

from collections.abc import Sequence

from lstmstrat.errors import count
from lstmstrat.evaluation.calendar import is_a_year
from lstmstrat.evaluation.verdict import UNPROVEN
from lstmstrat.prices.acceptance import cure, listed, open_faults
from lstmstrat.prices.faults import Fault
from lstmstrat.report import answer
from lstmstrat.report.cells import fine_percent, lasted, p_in_words, per_year, percent, ratio, thousandths
from lstmstrat.results.assessment import FAILED, NOT_RUN, PASSED, RAN, Assessment, OutsideFacts, WalkForwardFacts

STATUSES = (PASSED, FAILED, RAN, NOT_RUN)  # the order of the checks on the card


def card(assessment: Assessment) -> list[tuple[str, str]]:
    """The rows of the honesty card: a label and a sentence each."""
    data, costs = assessment.data, assessment.costs
    currency = f" in {data.currency}" if data.currency else ""
    prices = f"{data.symbol}{currency}, {data.source}, {data.first} to {data.last}, sha256 {data.sha256[:12]}"
    return [
        ("verdict", answer.sentence(assessment)),
        *(("not proven", reason) for reason in _not_proven(assessment)),
        ("data", prices),
        *(("outside", _outside(one)) for one in data.outside),
        ("costs", f"commission {costs.commission:.2%} and slippage {costs.slippage:.2%} of each trade"),
        ("trials", _trials(assessment)),
        ("seeds", _seeds(assessment.walk_forward)),
        ("best of all", _best(assessment)),
        *((status, _checks(assessment, status)) for status in STATUSES),
    ]


def _outside(one: OutsideFacts) -> str:
    """A column or a peer: where it comes from, how late it is used, and its hash."""
    return (
        f"{one.kind} {one.name}: {one.path}, {count(one.rows, 'row')}, used {one.lag} after their time, sha256 "
        f"{one.sha256[:12]}"
    )


def findings(faults: Sequence[Fault]) -> list[str]:
    """What cannot be true in the prices, or is worth a look, in sentences for the head of the report.

    What voids an edge comes first, with what to do about it.
    """
    wrong = open_faults(faults)
    read = [fault for fault in faults if not fault.voids]
    accepted = [fault for fault in faults if fault.voids and fault.accepted]
    sentences = [f"{line}." for line in listed(wrong)]
    sentences += [f"No edge is supported on these prices; {cure(faults)}"] if wrong else []
    sentences += [f"Accepted by the config: {'; '.join(listed(accepted))}."] if accepted else []
    return sentences + ([f"Worth reading: {'; '.join(listed(read))}."] if read else [])


def calendar(assessment: Assessment) -> str:
    """The number of bars a year that the metrics use, and why there is no growth by the year if there is none."""
    period = assessment.period
    counted = period.counted_per_year
    by_count = "" if counted in (None, period.periods_per_year) else f" (counted: {per_year(counted)})"
    sentence = f"{per_year(period.periods_per_year)} bars a year{by_count}."
    if is_a_year(period.years):
        return sentence
    return f"{sentence} No growth by the year (CAGR), because {lasted(period.years)} are less than a year."


def _not_proven(assessment: Assessment) -> list[str]:
    """What the proof of each edge lacks, where nothing else is missing."""
    edges = [s for s in assessment.strategies if s.versus_benchmark.verdict == UNPROVEN]
    return [f"{s.name} lacks {'; '.join(s.versus_benchmark.missing)}" for s in edges]


def _trials(assessment: Assessment) -> str:
    """The number of strategies that were tried on the same prices; the best of many may be luck."""
    trials, symbol = assessment.trials, assessment.data.symbol
    if not trials.kept:
        return f"{trials.count} are known; without a ledger, others are not"
    struck = f"; the ratios of {trials.struck} are struck from the variance" if trials.struck else ""
    known = f"{trials.count} so far on {symbol} over this period, in a ledger begun on {trials.begun}"
    return f"{known} (lstmstrat trials lists them){struck}"


def _seeds(walk: WalkForwardFacts) -> str:
    ensemble = "one network a fold"
    if walk.members > 1:
        ensemble = f"{walk.members} networks a fold, whose mean trades and never the best"
    return f"{walk.model}, {ensemble}, from seed {walk.seed}"


def _best(assessment: Assessment) -> str:
    p = p_in_words(assessment.verdict.superior_predictive_ability)
    return f"does any strategy earn more than holding (Hansen's SPA; yes, if small)? {p}"


def _checks(assessment: Assessment, status: str) -> str:
    """The names of the checks with this status, with details if they did not pass."""
    checks = [check for check in assessment.checks if check.status == status]
    names = [c.name if status == PASSED else f"{c.name} ({c.detail})" for c in checks]
    return ", ".join(names) or "none"


def trust(assessment: Assessment) -> str:
    """Whether stated probabilities came true, and what the networks add to the linear part, in sentences."""
    found, gain = assessment.forecast_skill.reliability, assessment.forecast_skill.network
    model = assessment.walk_forward.model
    sentences = []
    if found.interval:
        nominal, share = found.interval
        sentences.append(
            f"Between the stated quantiles, meant to hold {percent(nominal)} of the returns, lay "
            f"{fine_percent(share)} of {found.observations:,}."
        )
    if gain:
        sentences.append(
            f"R2 against the mean of the training set: {thousandths(gain.r2)} with {model} and the linear part, "
            f"{thousandths(gain.linear_r2)} with the linear part alone. Does {model} add a signal "
            f"(Clark-West)? {p_in_words(gain.p_value)}."
        )
    return " ".join(sentences)


def skill(assessment: Assessment) -> str:
    """The skill of the forecasts in sentences, with the number of observations."""
    s = assessment.forecast_skill
    return (
        f"Over {count(s.observations, 'forecast')}: correlation with the realised return "
        f"{thousandths(s.correlation)}; its median over {count(s.folds.known, 'fold')} is "
        f"{thousandths(s.folds.median_correlation)}, and {fine_percent(s.folds.above_zero)} are above 0. "
        f"Right sign {fine_percent(s.hit_rate)}; always up would have had {fine_percent(s.always_up)}. "
        f"R2 against a forecast of zero {thousandths(s.r2_against_zero)}, against the mean of the training set "
        f"{thousandths(s.r2_against_mean)}. Slope of the realised return on the forecast, beside that mean, "
        f"{ratio(s.slope)} (1 is right, less is too bold). Is there any signal beside zero (Clark-West)? "
        f"{p_in_words(s.clark_west)}; beside that mean? {p_in_words(s.clark_west_mean)}. "
        "Are the signs right more often than by chance (Pesaran-Timmermann)? "
        f"{p_in_words(s.pesaran_timmermann)}. Is the squared error another than that of "
        f"forecasting zero (Diebold-Mariano)? {p_in_words(s.diebold_mariano)}."
    )
