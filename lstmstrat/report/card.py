"""The honesty card: what a reader must know before any number of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lstmstrat.report.cells import fine_percent, thousandths

STATUSES = ("passed", "failed", "ran", "not run")  # of a check


TESTS = ("clark_west", "clark_west_mean", "pesaran_timmermann", "diebold_mariano")


def card(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The honesty card: what a reader must know before any number of the run, a label and a sentence each."""
    data, costs = summary["data"], summary["costs"]
    prices = f"{data['symbol']}, {data['source']}, {data['first']} to {data['last']}, sha256 {data['sha256'][:12]}"
    return [
        ("verdict", summary["verdict"]["text"]),
        ("data", prices),
        ("costs", f"commission {costs['commission']:.2%} and slippage {costs['slippage']:.2%} of each trade"),
        ("trials", tried(summary)),
        ("seeds", _seeds(summary["walk_forward"])),
        ("best of all", _best(summary)),
        *((status, _checks(summary, status)) for status in STATUSES),
    ]


def _seeds(walk: Mapping[str, Any]) -> str:
    ensemble = "one network a fold"
    if walk["members"] > 1:
        ensemble = f"{walk['members']} networks a fold, whose mean trades and never the best"
    return f"{walk['model']}, {ensemble}, from seed {walk['seed']}"


def _best(summary: Mapping[str, Any]) -> str:
    found = thousandths(summary["verdict"]["superior_predictive_ability"])
    return f"does any strategy earn more than buy-and-hold (Hansen's SPA; yes, if small)? p {found}"


def _checks(summary: Mapping[str, Any], status: str) -> str:
    """The checks of that status; of those that did not pass also why."""
    found = [check for check in summary["checks"] if check["status"] == status]
    names = [c["name"] if status == "passed" else f"{c['name']} ({c['detail']})" for c in found]
    return ", ".join(names) or "none"


def tried(summary: Mapping[str, Any]) -> str:
    """How many strategies were tried on the data of a run: the best of many is luck."""
    count, symbol = summary["trials"]["count"], summary["data"]["symbol"]
    if summary["trials"]["kept"]:
        return f"{count} so far on {symbol} over this period (python -m lstmstrat.trials lists them)"
    return f"{count} in this run; without a cache, earlier ones are not known"


def skill(summary: Mapping[str, Any]) -> str:
    """How well the forecasts met what came, in sentences; with the number of observations."""
    found = summary["forecast_skill"]
    folds = found["folds"]
    p = {test: thousandths(found[test]) for test in TESTS}
    return (
        f"Over {found['observations']:,} forecasts: correlation with the realised return "
        f"{thousandths(found['correlation'])}; its median over {folds['known']:,} folds is "
        f"{thousandths(folds['median_correlation'])}, and {fine_percent(folds['above_zero'])} are above 0. "
        f"Right sign {fine_percent(found['hit_rate'])}; always up would have had "
        f"{fine_percent(found['always_up'])}. R2 against a forecast of zero "
        f"{thousandths(found['r2_against_zero'])}, against the mean of the training slice "
        f"{thousandths(found['r2_against_mean'])}. Is there any signal beside zero (Clark-West)? p = "
        f"{p['clark_west']}; beside that mean? p = {p['clark_west_mean']}. Are the signs right more often than by "
        f"chance (Pesaran-Timmermann)? p = {p['pesaran_timmermann']}. Is the squared error another than that of "
        f"forecasting zero (Diebold-Mariano)? p = {p['diebold_mariano']}."
    )
