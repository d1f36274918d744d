"""What is done about findings in prices: reported, refused, left out, or accepted by somebody who has looked.

data:
  faults: report               # report | refuse | drop
  accepted: [2008-09-29]       # dates of findings that are right

A peer has the same keys, and its findings count as those of the prices do: it is an input of every forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lstmstrat.config.data import DataConfig, PeerConfig, SourceConfig, entry_of
from lstmstrat.errors import DataError
from lstmstrat.prices.faults import Fault

if TYPE_CHECKING:
    from lstmstrat.prices.prices import Prices

SHOWN = 5  # findings in one message; summary.json has all


def marked(faults: Sequence[Fault], data: SourceConfig) -> tuple[Fault, ...]:
    """The findings in prices of `data`, with the name of the peer, and accepted where `data` has their day."""
    days = {date.isoformat() for date in data.accepted}
    peer = data.name if isinstance(data, PeerConfig) else ""
    return tuple(replace(fault, accepted=fault.day in days, peer=peer) for fault in faults)


def all_faults(prices: Prices, data: DataConfig) -> tuple[Fault, ...]:
    """The findings in the prices, then those in the peers, each in the order of time."""
    of_peers = [fault for peer in prices.outside.peers for fault in peer.faults]
    return *marked(prices.faults, data), *of_peers


def open_faults(faults: Sequence[Fault]) -> list[Fault]:
    """The findings that void an edge: those that can change a number, and that nobody has accepted."""
    return [fault for fault in faults if fault.voids and not fault.accepted]


def listed(faults: Sequence[Fault]) -> list[str]:
    """A line for each finding, up to `SHOWN`, and one on how many more there are."""
    more = len(faults) - SHOWN
    return [*map(str, faults[:SHOWN]), *([f"and {more} more"] if more > 0 else [])]


def acceptance(faults: Sequence[Fault]) -> str:
    """The lines of a config that accept all findings that void an edge, with those that are accepted already."""
    lines = []
    for peer in dict.fromkeys(fault.peer for fault in open_faults(faults)):
        days = dict.fromkeys(fault.day for fault in faults if fault.voids and fault.peer == peer)
        place = f"beside {entry_of('peers', peer)}" if peer else "under data:"
        lines.append(f"{place}  accepted: [{', '.join(days)}]")
    return ", and ".join(lines)


def cure(faults: Sequence[Fault]) -> str:
    """What to do about the findings that void an edge, in one sentence; "" if there are none."""
    wrong = open_faults(faults)
    if not wrong:
        return ""
    drop = ", or leave single bars out (data.faults: drop)" if dropped(faults) else ""
    return f"if this is wrong, correct the prices or take others{drop}; if it is right, write {acceptance(faults)}"


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


def notices(faults: Sequence[Fault], left_out: Sequence[Fault], data: SourceConfig) -> tuple[str, ...]:
    """Sentences on bars that were left out, and on accepted dates that are those of no finding."""
    sentences = []
    if left_out:
        sentences.append(f"faults: drop, so these bars are left out: {'; '.join(map(str, left_out))}")
    days = {fault.day for fault in faults}
    if unknown := [day for date in data.accepted if (day := date.isoformat()) not in days]:
        known = f"they are {'; '.join(listed(faults))}" if faults else "there is none"
        sentences.append(f"accepted: {', '.join(unknown)} is the date of no finding; {known}")
    return tuple(sentences)
