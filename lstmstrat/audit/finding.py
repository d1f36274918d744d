"""The results of one probe and of a whole audit, as plain values that can be written as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PASSED, WARNING, FAILED, NOT_ASSESSED = "passed", "warning", "failed", "not assessed"
SCHEMA = 2  # of `AuditResult.to_dict`

NOT_DETECTABLE = (
    "hyper-parameters, features or strategies that a person chose by looking at the result of the test",
    "data that knew the future before they came here: shares that survived, values revised by the vendor",
)
ESSENTIAL = ("P0", "P1", "P2", "P12")  # a subject is assessed only if none of these is "not assessed"


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
    status: str  # PASSED | WARNING (no look-ahead, but something to know) | FAILED | NOT_ASSESSED
    comparisons: int  # number of values that were compared
    cuts: tuple[str, ...]  # dates at which bars were changed
    detail: str
    difference: Discrepancy | None = None
    command: str = ""  # reproduces a failure or a warning
    period: tuple[str, str] = ("", "")  # dates of the first decision and of the last bar that were audited

    def __post_init__(self) -> None:
        if self.status not in (PASSED, WARNING, FAILED, NOT_ASSESSED):
            raise ValueError(f"status {self.status!r}")
        if self.status == PASSED and not self.comparisons:
            raise ValueError(f"{self.probe} of {self.subject} passed without a comparison")

    @property
    def id(self) -> str:
        """The short name of the probe: ``P2``."""
        return self.probe.split()[0]


@dataclass(frozen=True)
class Control:
    """One planted leak, and whether its probe found it; or a clean control, which has none."""

    name: str
    probe: str  # "P2"; "" of a clean control, which must pass every probe that can be run on it
    caught: bool  # the probe found the leak; the clean control passed
    detail: str


@dataclass(frozen=True)
class AuditResult:
    """All findings of an audit, and the controls (empty if the self-test was switched off)."""

    findings: tuple[Finding, ...]
    controls: tuple[Control, ...]

    @property
    def failures(self) -> list[Finding]:
        """The findings that failed."""
        return [f for f in self.findings if f.status == FAILED]

    @property
    def warnings(self) -> list[Finding]:
        """The findings that are no look-ahead, such as a strategy that cannot run live."""
        return [f for f in self.findings if f.status == WARNING]

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
        """0: no difference found, with or without warnings; 1: a leak found; 3: not assessable."""
        return 1 if self.failures else 3 if self.blind or not self._comparisons else 0

    @property
    def periods(self) -> dict[str, list[tuple[str, str]]]:
        """The audited periods of each subject, the earliest first: dates of its first decision and last bar."""
        found: dict[str, set[tuple[str, str]]] = {}
        for finding in self.findings:
            if finding.period[0]:
                found.setdefault(finding.subject, set()).add(finding.period)
        return {subject: _outermost(periods) for subject, periods in found.items()}

    @property
    def sentence(self) -> str:
        """The result in one sentence, with the numbers of comparisons and cuts, and the dates it holds for."""
        cuts = len({cut for f in self.findings for cut in f.cuts})
        amount = f"{self._comparisons:,} comparisons at {_count(cuts, 'cut')}"
        dates = f", {_periods_text(self.periods)}" if self.periods else ""
        if self.failures:
            return f"{_count(len(self.failures), 'probe')} of {len(self.findings)} failed, in {amount}{dates}."
        if self.blind:
            return f"Not assessable: {self.blind[0]}."
        if not self._comparisons:
            return "Not assessable: nothing could be compared."
        said = "".join(f" Warning: {f.subject}: {f.detail}." for f in self.warnings)
        return f"No difference in {amount}{dates}.{said}"

    def to_dict(self) -> dict[str, Any]:
        """The result as a dict that can be written as JSON."""
        return {
            "schema": SCHEMA,
            "exit_code": self.exit_code,
            "sentence": self.sentence,
            "periods": {subject: [list(period) for period in found] for subject, found in self.periods.items()},
            "not_detectable": list(NOT_DETECTABLE),
            "blind": self.blind,
            "findings": [dataclasses.asdict(f) for f in self.findings],
            "controls": [dataclasses.asdict(c) for c in self.controls],
        }

    @property
    def _comparisons(self) -> int:
        return sum(f.comparisons for f in self.findings)


def _outermost(periods: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """The periods that do not lie inside another one."""
    return sorted(p for p in periods if not any(q != p and q[0] <= p[0] and p[1] <= q[1] for q in periods))


def _periods_text(periods: dict[str, list[tuple[str, str]]]) -> str:
    """Such as ``2003-01-02 to 2013-12-31``; the subjects are named if their periods differ."""
    subjects: dict[str, list[str]] = {}
    for subject, found in periods.items():
        subjects.setdefault(" and ".join(f"{first} to {last}" for first, last in found), []).append(subject)
    if len(subjects) <= 1:
        return "".join(subjects)
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in subjects.items())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def dates(times: Any, bars: Sequence[int]) -> tuple[str, ...]:
    """The dates of `bars`, positions in `times`; with the time of day unless it is midnight."""
    return tuple(str(times[bar]).removesuffix("T00:00:00.000000000").removesuffix(" 00:00:00") for bar in bars)
