"""The results of one probe and of a whole audit, as plain values that can be written as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PASSED, FAILED, NOT_ASSESSED = "passed", "failed", "not assessed"

NOT_DETECTABLE = (
    "hyper-parameters, features or strategies that a person chose by looking at the result of the test",
    "data that knew the future before they came here: shares that survived, values revised by the vendor",
)
ESSENTIAL = ("P0", "P1", "P2")  # a subject is assessed only if none of these is "not assessed"


@dataclass(frozen=True)
class Discrepancy:
    """The first difference between two runs that should agree."""

    bar: int  # position in the audited bars, from 0
    date: str
    line: str  # "LSTMForecast.forecast", "order", "fill", "account value"
    original: str  # value in the run on the original bars
    changed: str  # value in the run on the changed bars
    cut: str = ""  # date of the last bar that was not changed, or of the only bar that was changed
    perturbation: str = ""

    def __str__(self) -> str:
        where = f" ({self.perturbation}, cut {self.cut})" if self.perturbation else ""
        return f"{self.date}: {self.line} was {self.original}, then {self.changed}{where}"


@dataclass(frozen=True)
class Finding:
    """The result of one probe for one subject."""

    probe: str  # "P2 suffix"
    subject: str  # name of the strategy or indicator
    status: str  # PASSED | FAILED | NOT_ASSESSED
    comparisons: int  # number of values that were compared
    cuts: tuple[str, ...]  # dates at which bars were changed
    detail: str
    difference: Discrepancy | None = None
    command: str = ""  # reproduces a failure

    def __post_init__(self) -> None:
        if self.status not in (PASSED, FAILED, NOT_ASSESSED):
            raise ValueError(f"status {self.status!r}")
        if self.status == PASSED and not self.comparisons:
            raise ValueError(f"{self.probe} of {self.subject} passed without a comparison")

    @property
    def id(self) -> str:
        """The short name of the probe: ``P2``."""
        return self.probe.split()[0]


@dataclass(frozen=True)
class Control:
    """One planted leak, and whether its probe found it; or the clean control."""

    name: str
    probe: str  # "P2"; empty for the clean control, which every probe must pass
    caught: bool  # the probe found the leak; the clean control passed
    detail: str


@dataclass(frozen=True)
class AuditResult:
    """All findings of an audit, and the controls (empty if the self-test was switched off)."""

    findings: tuple[Finding, ...]
    controls: tuple[Control, ...]

    def of(self, *subjects: str) -> AuditResult:
        """The result for some of its subjects."""
        return AuditResult(tuple(f for f in self.findings if f.subject in subjects), self.controls)

    @property
    def failures(self) -> list[Finding]:
        """The findings that failed."""
        return [f for f in self.findings if f.status == FAILED]

    @property
    def blind(self) -> list[str]:
        """The reasons why nothing can be said: controls that failed, and `ESSENTIAL` probes not assessed."""
        controls = [f"the audit is broken: {c.name}: {c.detail}" for c in self.controls if not c.caught]
        return controls + [
            f"{f.subject}: {f.probe}: {f.detail}"
            for f in self.findings
            if f.status == NOT_ASSESSED and f.id in ESSENTIAL
        ]

    @property
    def exit_code(self) -> int:
        """0: no difference found, 1: a leak found, 3: not assessable."""
        return 1 if self.failures else 3 if self.blind or not self._comparisons else 0

    @property
    def _comparisons(self) -> int:
        return sum(f.comparisons for f in self.findings)

    @property
    def sentence(self) -> str:
        """The result in one sentence, with the number of comparisons and cuts."""
        cuts = len({cut for f in self.findings for cut in f.cuts})
        amount = f"{self._comparisons:,} comparisons at {cuts} cuts"
        if self.failures:
            return f"{_count(len(self.failures), 'probe')} of {len(self.findings)} failed, in {amount}."
        if self.blind or not self._comparisons:
            return f"Not assessable. {amount} are not enough to say anything."
        return f"No difference in {amount}."

    def to_dict(self) -> dict[str, Any]:
        """The result as a dict that can be written as JSON."""
        return {
            "schema": 1,
            "exit_code": self.exit_code,
            "sentence": self.sentence,
            "not_detectable": list(NOT_DETECTABLE),
            "blind": self.blind,
            "findings": [dataclasses.asdict(f) for f in self.findings],
            "controls": [dataclasses.asdict(c) for c in self.controls],
        }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def dates(times: Any, bars: Sequence[int]) -> tuple[str, ...]:
    """The dates of `bars`, positions in `times`; with the time of day unless it is midnight."""
    return tuple(str(times[bar]).removesuffix("T00:00:00.000000000").removesuffix(" 00:00:00") for bar in bars)
