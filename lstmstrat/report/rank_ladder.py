"""The ladder of a universe in words: other labels, pools and models, and the control with shuffled labels."""

from __future__ import annotations

from lstmstrat.evaluation.ranks import Estimate
from lstmstrat.report.cells import fine_percent, fixed, ratio, tenths, thousandths
from lstmstrat.report.parts import Part
from lstmstrat.results.panel.facts import PanelFacts, RankRung

SURE = 1.96  # standard errors: 95% of the means without skill are closer to 0
HEADS = (
    "model",
    "pool",
    "label",
    "rank correlation",
    "t",
    "right side",
    "break-even bp",
    "Sharpe",
    "this run minus it",
    "t of that",
    "seconds",
)
POOLS = {"none": "one model for each asset", "all": "one model for all", "group": "one model for each group"}
LABELS = {
    "none": "the return itself",
    "demean": "the return less the mean of the session",
    "rank": "the rank within the session",
    "above_median": "the half of the session",
}


def sure(found: Estimate) -> int:
    """1 for above 0 and -1 for below it, by more than chance explains; else 0."""
    if found.t is None or abs(found.t) < SURE:
        return 0
    return 1 if found.t > 0.0 else -1


def told(found: Estimate) -> str:
    """``0.021 (t 6.6)``."""
    return f"{thousandths(found.mean)} (t {tenths(found.t)})"


def sentences(panel: PanelFacts) -> list[str]:
    """What another pool and another label find on the same folds, and what the control finds."""
    if not panel.ladder:
        return []
    own, *others = panel.ladder
    controls = [rung for rung in others if rung.shuffled]
    same = [rung for rung in others if rung.model == own.model and _changes(own, rung) == 1]
    return [*([_beside(own, same)] if same else []), *map(_control, controls)]


def _changes(own: RankRung, rung: RankRung) -> int:
    return (own.pool != rung.pool) + (own.relation != rung.relation)


def _beside(own: RankRung, others: list[RankRung]) -> str:
    """The rank correlation of the run beside that with another pool, and beside that with another label."""
    found = [
        f"with {_changed(own, rung)} it is {told(rung.ic)}, and the difference {told(rung.own_minus)}"
        for rung in others
    ]
    of_run = f"{POOLS[own.pool]}, with {LABELS[own.relation]} as the label, has {told(own.ic)}"
    return f"The same model on the same folds: {of_run}; {'; '.join(found)}."


def _changed(own: RankRung, rung: RankRung) -> str:
    return POOLS[rung.pool] if rung.pool != own.pool else f"{LABELS[rung.relation]} as the label"


def _control(rung: RankRung) -> str:
    """Whether labels that were dealt out by chance left anything to find."""
    if rung.ic.mean is None:
        return "The control, on labels shuffled within each session, has no score with a return."
    said = f"The control, trained on labels that were shuffled within each session, has {told(rung.ic)}"
    if sure(rung.ic):
        return f"{said}: more than chance explains, where there is nothing to find. Do not trust the order above."
    return f"{said}: nothing, as it must."


def parts(panel: PanelFacts) -> list[Part]:
    """The table of the rungs; none without a ladder."""
    if not panel.ladder:
        return []
    caption = "Other models, pools and labels on the same folds; the control has labels shuffled in each session"
    return [Part("Ladder", caption, [[*HEADS], *map(_row, panel.ladder)])]


def rung_name(rung: RankRung) -> str:
    """``lstm, all, rank``."""
    return ", ".join((_model(rung), f"pool {rung.pool}", _label(rung)))


def _row(rung: RankRung) -> list[str]:
    worth = thousandths(rung.ic.mean), tenths(rung.ic.t), fine_percent(rung.hit_rate)
    earns = fixed(rung.break_even_bp, 1), ratio(rung.sharpe)
    beside = thousandths(rung.own_minus.mean), tenths(rung.own_minus.t)
    return [_model(rung), rung.pool, _label(rung), *worth, *earns, *beside, fixed(rung.seconds, 1)]


def _model(rung: RankRung) -> str:
    return rung.model.rpartition(":")[2].replace("_", " ")


def _label(rung: RankRung) -> str:
    label = "return" if rung.relation == "none" else rung.relation.replace("_", " ")
    return f"{label}, shuffled" if rung.shuffled else label
