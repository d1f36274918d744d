"""A strategy that fails with one of its settings; used by test_sweep.py."""

from __future__ import annotations

import sys

from lstmstrat import ExposureStrategy


class Fails(ExposureStrategy):
    """Holds half; raises while it trades with k=2, and ends the program with k=3."""

    params = (("k", 0),)

    def target_exposure(self) -> float:
        if self.p.k == 2:
            raise ZeroDivisionError("k must not be 2")
        if self.p.k == 3:
            sys.exit(7)
        return 0.5 if len(self) % 40 < 20 + self.p.k else 0.0
