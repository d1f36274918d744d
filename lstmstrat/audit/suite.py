"""All probes over all strategies; and over the planted leaks, for a detector never seen to fire is untested."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd

from lstmstrat.audit import invariance, leaks, perturb, probes, trading
from lstmstrat.audit.case import Case, Command, opened
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, Control, Finding
from lstmstrat.audit.trace import Subject
from lstmstrat.errors import ConfigError, LSTMStratError, did_you_mean

Probe = Callable[[Case], Finding]
Progress = Callable[[int, int], None]

PROBES: dict[str, Probe] = {
    "P0": probes.rerun,
    "P1": probes.liveness,
    "P2": probes.suffix,
    "P3": probes.truncation,
    "P4": trading.intrabar,
    "P5": trading.fills,
    "P6": invariance.cache,
    "P7": invariance.scale,
    "P8": invariance.history,
    "P9": trading.closed_form,
    "P10": probes.folds,
    "P11": trading.noise,
}

BARS = 200  # of the market that the controls run on
PLANTED: tuple[tuple[type[Any], str], ...] = (  # a leak, and the probe that is there for it
    (leaks.ScaledOnEverything, "P2"),
    (leaks.TrainedOnEverything, "P2"),
    (leaks.LabelsOverlap, "P2"),
    (leaks.Smoothed, "P2"),
    (leaks.Backfilled, "P2"),
    (leaks.NextReturn, "P2"),
    (leaks.StoppedOnTheTest, "P2"),
    (leaks.WeekStampedAtItsStart, "P2"),
    (leaks.SeededByTheData, "P3"),
    (leaks.SameBar, "P4"),
    (leaks.SameClose, "P5"),
    (leaks.BestOfBar, "P5"),
    (leaks.StaleCache, "P6"),
    (leaks.PriceLevel, "P7"),
    (leaks.SinceTheFirstBar, "P8"),
    (leaks.LateBenchmark, "P9"),
)


def chosen(only: str) -> list[str]:
    """The probes to run: all, or the one that is named (``P2``).

    Raises
    ------
    ConfigError
        There is no such probe.
    """
    if only and only.upper() not in PROBES:
        raise ConfigError(f"--only {only}: there is no such probe{did_you_mean(only.upper(), PROBES)}")
    return [only.upper()] if only else list(PROBES)


def findings(
    subjects: Sequence[tuple[Subject, Command]],
    *,
    seed: int = 0,
    only: str = "",
    cut: str = "",
    progress: Progress | None = None,
) -> tuple[Finding, ...]:
    """Every probe of every subject.

    Raises
    ------
    LSTMStratError
        A subject cannot be run even on its own bars.
    """
    wanted, found = chosen(only), list[Finding]()
    for done, (subject, command) in enumerate(subjects):
        with quiet():
            case = opened(subject, seed, command, cut)
            if isinstance(case.original.error, LSTMStratError):
                raise case.original.error
            if cut and not case.cuts:
                first, last = case.original.day(0), case.original.day(case.original.bars - 1)
                raise ConfigError(f"--cut {cut}: no bar has this date; the audited bars are {first} to {last}")
            for k, probe in enumerate(wanted):
                if progress is not None:
                    progress(done * len(wanted) + k, len(subjects) * len(wanted))
                found.append(judged(case, probe))
                if _hopeless(found[-1]):
                    break
    if progress is not None and subjects:
        progress(len(subjects) * len(wanted), len(subjects) * len(wanted))
    return tuple(found)


def judged(case: Case, probe: str) -> Finding:
    """One probe of one subject, which must have run to the end."""
    error = case.original.error
    if error is not None:
        return case.not_assessed(f"{probe} run", f"it does not run: {type(error).__name__}: {error}")
    return PROBES[probe](case)


def _hopeless(finding: Finding) -> bool:
    """Nothing else can be said of what is not deterministic or does not run."""
    return finding.status == NOT_ASSESSED and finding.id == "P0"


def controls(progress: Progress | None = None) -> tuple[Control, ...]:
    """The audit of its own planted leaks, each by the probe that is there for it, and of the clean control."""
    found, total = list[Control](), len(PLANTED) + 1
    with quiet():
        for k, (leak, probe) in enumerate(PLANTED):
            found.append(planted(leak, probe))
            if progress is not None:
                progress(k + 1, total)
        found.append(clean())
    if progress is not None:
        progress(total, total)
    return tuple(found)


def planted(leak: type[Any], probe: str) -> Control:
    """Whether a probe finds a leak."""
    name = f"{leak.__name__}, {(leak.__doc__ or '').split(':')[0]}"
    if probe == "P9":
        said = trading.benchmark(control(leak), leak)
        return Control(name, probe, bool(said), said or "not found")
    finding = judged(opened(control(leak), 0, _no_command), probe)
    return Control(name, probe, finding.status == FAILED, str(finding.difference or finding.detail))


def clean() -> Control:
    """Whether every probe leaves the honest model alone."""
    case = opened(control(leaks.Honest), 0, _no_command)
    found = [judged(case, probe) for probe in PROBES if probe != "P10"]  # it has no LSTMForecast
    wrong = [f for f in found if f.status != PASSED]
    detail = "; ".join(f"{f.probe}: {f.detail}" for f in wrong)
    return Control("Honest, the clean control", "", not wrong, detail or f"passes {len(found)} probes")


def control(cls: type[Any]) -> Subject:
    """A strategy or indicator of `leaks` on a random walk."""
    params: dict[str, Any] = {}
    if issubclass(cls, leaks.Honest):
        leaks.StaleCache.kept.clear()
        cls, params = leaks.Follow, {"indicator": cls}
    return Subject(cls.__name__, cls, params, market(), refits=tuple(range(leaks.FIRST, BARS, leaks.EVERY)))


def market() -> pd.DataFrame:
    """`BARS` business days of a random walk."""
    empty = pd.DataFrame(
        0.0, pd.bdate_range("2020-01-06", periods=BARS), ["open", "high", "low", "close", "volume"]
    )
    return perturb.noise(empty, 7)


def _no_command(probe: str, cut: str) -> str:
    return ""


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of missing forecasts: prices go missing here on purpose."""
    log = logging.getLogger("lstmstrat")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
