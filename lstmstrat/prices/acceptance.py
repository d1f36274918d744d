"""What is done about findings in prices: reported, refused, left out, or accepted by somebody who has looked.

data:
  faults: report               # report | refuse | drop
  accepted: [2008-09-29]       # dates of findings that are right
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from lstmstrat.errors import DataError
from lstmstrat.prices.faults import Fault

SHOWN = 5  # findings in one message; summary.json has all


def with_accepted(faults: Sequence[Fault], dates: Sequence[dt.date]) -> tuple[Fault, ...]:
    """The findings, marked as accepted where `dates` have their day."""
    days = {date.isoformat() for date in dates}
    return tuple(replace(fault, accepted=fault.day in days) for fault in faults)


def open_faults(faults: Sequence[Fault]) -> list[Fault]:
    """The findings that void an edge: those that can change a number, and that nobody has accepted."""
    return [fault for fault in faults if fault.voids and not fault.accepted]


def listed(faults: Sequence[Fault]) -> list[str]:
    """A line for each finding, up to `SHOWN`, and one on how many more there are."""
    more = len(faults) - SHOWN
    return [*map(str, faults[:SHOWN]), *([f"and {more} more"] if more > 0 else [])]


def acceptance(faults: Sequence[Fault]) -> str:
    """The line of a config that accepts all findings that void an edge, with those that are accepted already."""
    days = dict.fromkeys(fault.day for fault in faults if fault.voids)
    return f"accepted: [{', '.join(days)}]"


def cure(faults: Sequence[Fault]) -> str:
    """What to do about the findings that void an edge, in one sentence; "" if there are none."""
    wrong = open_faults(faults)
    if not wrong:
        return ""
    drop = ", or leave single bars out (data.faults: drop)" if dropped(faults) else ""
    return (
        f"if this is wrong, correct the prices or take others{drop}; if it is right, write under data:  "
        f"{acceptance(faults)}"
    )


def refuse(faults: Sequence[Fault], title: str) -> None:
    """Raises if there are findings that void an edge.

    Raises
    ------
    DataError
        The findings, and what to do about them.
    """
    if wrong := open_faults(faults):
        lines = [f"{title}: faults: refuse, and these prices cannot be true", *listed(wrong), cure(faults)]
        raise DataError("\n  ".join(lines))


def dropped(faults: Sequence[Fault]) -> list[Fault]:
    """The findings that ``faults: drop`` leaves out: bars that alone are wrong, and that nobody has accepted."""
    return [fault for fault in open_faults(faults) if fault.single]


def notices(faults: Sequence[Fault], left_out: Sequence[Fault], dates: Sequence[dt.date]) -> tuple[str, ...]:
    """Sentences on bars that were left out, and on accepted dates that are those of no finding."""
    sentences = []
    if left_out:
        sentences.append(f"faults: drop, so these bars are left out: {'; '.join(map(str, left_out))}")
    days = {fault.day for fault in faults}
    if unknown := [day for date in dates if (day := date.isoformat()) not in days]:
        known = f"they are {'; '.join(listed(faults))}" if faults else "there is none"
        sentences.append(f"accepted: {', '.join(unknown)} is the date of no finding; {known}")
    return tuple(sentences)
