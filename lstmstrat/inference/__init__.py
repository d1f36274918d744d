"""Is the difference from buy-and-hold real, does the forecast know anything? Pure functions; undefined is None.

sharpe.py     the Sharpe ratio of a strategy above that of buy-and-hold, with its uncertainty
deflated.py   is a Sharpe ratio more than the best of so many trials would have by luck?
skill.py      how well forecasts met what came
verdict.py    what may be said of a strategy, by a rule declared beforehand
"""

from __future__ import annotations

from lstmstrat.inference.deflated import deflated_sharpe, expected_best, probabilistic_sharpe
from lstmstrat.inference.sharpe import (
    MIN_RETURNS,
    SharpeDifference,
    minimum_detectable_difference,
    sharpe_difference,
)
from lstmstrat.inference.skill import Skill, SkillTests, forecast_skill, skill_tests
from lstmstrat.inference.verdict import RULE, SUPPORTED, UNDECIDED, WORSE, Verdict, holm, verdicts

__all__ = [
    "MIN_RETURNS",
    "RULE",
    "SUPPORTED",
    "UNDECIDED",
    "WORSE",
    "SharpeDifference",
    "Skill",
    "SkillTests",
    "Verdict",
    "deflated_sharpe",
    "expected_best",
    "forecast_skill",
    "holm",
    "minimum_detectable_difference",
    "probabilistic_sharpe",
    "sharpe_difference",
    "skill_tests",
    "verdicts",
]
