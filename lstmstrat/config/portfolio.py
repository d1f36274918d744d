"""The section ``portfolio:``: how the scores of a universe become weights."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from lstmstrat.config.classes import label_of
from lstmstrat.config.limits import PORTFOLIO
from lstmstrat.config.names import OWN, TAKEN
from lstmstrat.config.section import Fraction, Number, Section, plain
from lstmstrat.errors import did_you_mean

RULES = ("quantile", "top", "proportional")
FORMULAS = ("equal", "inverse_volatility")
SKFOLIO = "skfolio"
WEIGHTS = (*FORMULAS, SKFOLIO)


def _valid(known: tuple[str, ...], own: str, value: object) -> object:
    if isinstance(value, str) and (value in known or re.fullmatch(OWN, value)):
        return value
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    raise ValueError(f"expected {' | '.join(known)}, or module:Class, {own} of your own{hint}")


RuleName = Annotated[
    str,
    BeforeValidator(partial(_valid, RULES, "a rule")),
    Field(json_schema_extra={"anyOf": [{"enum": [*RULES]}, {"pattern": OWN}]}),
]
WeightsName = Annotated[
    str,
    BeforeValidator(partial(_valid, WEIGHTS, "an optimiser")),
    Field(json_schema_extra={"anyOf": [{"enum": [*WEIGHTS]}, {"pattern": OWN}]}),
]
ROUNDING = 1e-9  # 0.29 of 100 assets are 28.999999999999996


OF_BUILT_IN = ("long", "short", "hold_until", "weights", "neutral")
"""What a rule of the user's decides itself."""


class PortfolioConfig(Section):
    """Which assets of a universe are held, and how much of each.

    A *side* is the assets held long, or those held short. With one side, its weights sum to `gross`; with two,
    each sums to half of it.

    Examples
    --------
    >>> import lstmstrat
    >>> lstmstrat.PortfolioConfig(rule="top", long=10, short=0, hold_until=50, gross=1.0).places(400)
    (10, 0)
    >>> lstmstrat.PortfolioConfig().places(205)
    (20, 20)
    """

    limits = PORTFOLIO

    rule: RuleName = "quantile"
    """quantile: shares of the ranked assets; top: so many; proportional: all, by score; module:Class: your own."""
    params: dict[str, Any] = {}  # noqa: RUF012 (pydantic copies it)
    """Parameters of a rule of your own: {places: 5}."""
    long: Annotated[Number, Field(ge=0.0)] = 0.1
    """quantile: share of the assets held long; top: their number; proportional: 1. 0: no long side."""
    short: Annotated[Number, Field(ge=0.0)] = 0.1
    """The same for the short side."""
    hold_until: Annotated[Number, Field(gt=0.0)] | None = None
    """A holding stays while it is among so many of the best: a share, or with rule: top a number; null: not."""
    weights: WeightsName = "equal"
    """Within a side. skfolio: by least variance; skfolio:Name, module:Class: by that optimiser, every session."""
    neutral: Literal["none", "group"] = "none"
    """group: the rule is applied within each group of the universe, which gets a part of `gross` by its assets."""
    gross: Annotated[Number, Field(gt=0.0)] = 2.0
    """Sum of the absolute weights. There is no leverage: at most 1 a side."""
    band: Fraction = 0.0
    """A holding is left alone while it would take an order of at most this share of the account to its target.
    What it is compared with, holding all members equally, has none."""
    name: Annotated[str, Field(min_length=1), AfterValidator(plain)] | None = None
    """What it is called in the report; by default its rule."""

    @property
    def label(self) -> str:
        """The column name in equity.csv."""
        return self.name or (label_of(self.rule) if self.own else self.rule)

    @property
    def own(self) -> bool:
        """Whether the rule is a class of the user's."""
        return self.rule not in RULES

    @property
    def optimiser(self) -> str:
        """The ``module:Class`` that weighs the assets of a side; "" where a formula does.

        >>> PortfolioConfig(weights="skfolio").optimiser, PortfolioConfig(weights="mine:Calm").optimiser
        ('skfolio.optimization:MeanRisk', 'mine:Calm')
        """
        if self.weights in FORMULAS:
            return ""
        package, _, name = self.weights.partition(":")
        return f"{SKFOLIO}.optimization:{name or 'MeanRisk'}" if package == SKFOLIO else self.weights

    @property
    def own_code(self) -> tuple[str, ...]:
        """The ``module:Class`` of a rule and an optimiser of the user's; skfolio is a library like any other."""
        optimiser = () if self.optimiser.startswith(f"{SKFOLIO}.") else (self.optimiser,)
        return (*((self.rule,) if self.own else ()), *filter(None, optimiser))

    @property
    def sides(self) -> int:
        """1 or 2."""
        return (self.long > 0.0) + (self.short > 0.0)

    def places(self, assets: int) -> tuple[int, int]:
        """How many of `assets` ranked assets are held long and short.

        Where there are fewer assets than places, the sides share them in proportion to their places, with at least
        one each. A single asset is not held if there are two sides.
        """
        long, short = self._places(self.long, assets), self._places(self.short, assets)
        if self.sides == 1:
            return min(long, assets), min(short, assets)
        if assets < 2:
            return 0, 0
        if (both := long + short) > assets:
            long, short = max(assets * long // both, 1), max(assets * short // both, 1)
        return long, short

    def until(self, assets: int) -> int:
        """The rank, counted from 1, down to which a holding stays."""
        if self.hold_until is None:
            return 0
        return self._count(self.hold_until, assets)

    def _places(self, side: float, assets: int) -> int:
        return max(self._count(side, assets), 1) if side else 0

    def _count(self, given: float, assets: int) -> int:
        return int(given) if self.rule == "top" else int(given * assets + ROUNDING)

    @model_validator(mode="after")
    def _consistent(self) -> PortfolioConfig:
        if not self.sides:
            raise ValueError("long and short are both 0; give at least one side, such as long: 0.1")
        if self.label in TAKEN:
            raise ValueError(f"{self.label!r} {TAKEN[self.label]}; give the portfolio another name:")
        if self.gross > self.sides:
            raise ValueError(
                f"gross is {self.gross:g}, expected at most {self.sides}: there is no leverage, so each side is "
                f"worth at most the account; type gross: {self.sides}"
            )
        of_rule = {"quantile": self._quantile, "top": self._top, "proportional": self._proportional}
        if mistake := of_rule.get(self.rule, self._own)():
            raise ValueError(mistake)
        if self.params and not self.own:
            raise ValueError(f"params are of a rule of your own, and rule: {self.rule} has none; take them out")
        return self

    @model_serializer(mode="wrap")
    def _serialized(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what a rule of the user's decides itself: what is written must be a config again."""
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if not (self.own and name in OF_BUILT_IN)}

    def _own(self) -> str:
        given = [name for name in OF_BUILT_IN if name in self.model_fields_set]
        if not given:
            return ""
        return (
            f"{', '.join(given)}: rule: {self.rule} decides that itself; take it out, or use params; in a command "
            f"--set 'portfolio={{rule: {self.rule}}}' leaves it out"
        )

    def _quantile(self) -> str:
        if self.long + self.short > 1.0 + ROUNDING:
            return (
                f"long and short are {self.long:g} and {self.short:g} of the assets, more than there are; type a "
                "share such as 0.1, or rule: top for a number of assets"
            )
        most, least = 1.0 if self.sides == 1 else 0.5, max(self.long, self.short)
        if self.hold_until is not None and not least <= self.hold_until <= max(most, least):
            return (
                f"hold_until is {self.hold_until:g} of the assets, expected {least:g} (that of the places) to "
                f"{max(most, least):g}"
            )
        return ""

    def _top(self) -> str:
        for name, number in (("long", self.long), ("short", self.short), ("hold_until", self.hold_until or 0)):
            if number != int(number):
                return f"{name} is {number:g} with rule: top, which counts assets; type a whole number such as 10"
        least = max(self.long, self.short)
        if self.hold_until is not None and self.hold_until < least:
            return f"hold_until is rank {self.hold_until:g}, above the {least:g} places; type {least:g} or more"
        return ""

    def _proportional(self) -> str:
        for name, side in (("long", self.long), ("short", self.short)):
            if side not in (0.0, 1.0):
                return (
                    f"{name} is {side:g} with rule: proportional, which holds every asset; type 1 to hold the "
                    f"{name} side, 0 for none"
                )
        if self.optimiser:
            return (
                f"weights: {self.weights} weighs the assets of a side by their returns, and rule: proportional by "
                "their scores; type rule: quantile, or weights: equal"
            )
        return "" if self.hold_until is None else "hold_until needs rule: quantile or top; take it out"
