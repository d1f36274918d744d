"""What a probe found and what an audit found: values that anybody may read, print or write as JSON."""

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
ESSENTIAL = ("P0", "P1", "P2")  # without these nothing has been assessed


@dataclass(frozen=True)
class Difference:
    """The first place where two runs that should agree do not."""

    bar: int  # position in the audited bars, from 0
    date: str
    line: str  # "LSTMForecast.forecast", "order", "fill", "account value"
    original: str
    changed: str
    cut: str = ""  # date of the last bar that was left as it was, or of the bar that was changed
    perturbation: str = ""

    def __str__(self) -> str:
        where = f" ({self.perturbation}, cut {self.cut})" if self.perturbation else ""
        return f"{self.date}: {self.line} was {self.original}, then {self.changed}{where}"


@dataclass(frozen=True)
class Finding:
    """What one probe found of one strategy."""

    probe: str  # "P2 suffix"
    subject: str  # name of the strategy
    status: str  # PASSED | FAILED | NOT_ASSESSED
    comparisons: int  # values compared with those of another run
    cuts: tuple[str, ...]  # dates at which bars were changed
    detail: str
    difference: Difference | None = None
    command: str = ""  # shows a failure again

    def __post_init__(self) -> None:
        if self.status not in (PASSED, FAILED, NOT_ASSESSED):
            raise ValueError(f"status {self.status!r}")
        if self.status == PASSED and not self.comparisons:
            raise ValueError(f"{self.probe} of {self.subject} passed without a comparison")

    @property
    def id(self) -> str:
        """``P2``."""
        return self.probe.split()[0]


@dataclass(frozen=True)
class Control:
    """A leak that was planted, and whether the probe that is there for it found it; or the clean control."""

    name: str
    probe: str  # "P2"; empty for the clean control, which every probe must pass
    caught: bool
    detail: str


@dataclass(frozen=True)
class AuditResult:
    """Every finding, and what the audit found of its own planted leaks (empty if it was told not to look)."""

    findings: tuple[Finding, ...]
    controls: tuple[Control, ...]

    @property
    def failures(self) -> list[Finding]:
        """The findings that failed."""
        return [f for f in self.findings if f.status == FAILED]

    @property
    def blind(self) -> list[str]:
        """Why it is not assessable: a planted leak not found, or a probe without which the rest says nothing."""
        controls = [f"the audit is broken: {c.name}: {c.detail}" for c in self.controls if not c.caught]
        return controls + [
            f"{f.subject}: {f.probe}: {f.detail}"
            for f in self.findings
            if f.status == NOT_ASSESSED and f.id in ESSENTIAL
        ]

    @property
    def exit_code(self) -> int:
        """0 nothing found, 1 a leak found, 3 not assessable."""
        return 1 if self.failures else 3 if self.blind or not self._compared else 0

    @property
    def _compared(self) -> int:
        return sum(f.comparisons for f in self.findings)

    @property
    def sentence(self) -> str:
        """What was compared, and no more than that."""
        cuts = len({cut for f in self.findings for cut in f.cuts})
        amount = f"{self._compared:,} comparisons at {cuts} cuts"
        if self.failures:
            return f"{_count(len(self.failures), 'probe')} of {len(self.findings)} failed, in {amount}."
        if self.blind or not self._compared:
            return f"Not assessable. {amount} are not enough to say anything."
        return f"No difference in {amount}."

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
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
    """The dates of some bars, with the time of day where there is one."""
    return tuple(str(times[bar]).removesuffix("T00:00:00.000000000").removesuffix(" 00:00:00") for bar in bars)
