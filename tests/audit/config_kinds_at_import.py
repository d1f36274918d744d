"""A strategy whose module reads a file when it is imported; used by test_covers.py."""

from __future__ import annotations

import os
from pathlib import Path

from lstmstrat import ExposureStrategy

KNOWN = Path(os.environ["LSTMSTRAT_TEST_LABELS"]).read_text().split()


class AtImport(ExposureStrategy):
    def target_exposure(self) -> float:
        return 1.0 if self.data.close[0] > self.data.open[0] * len(KNOWN) / 3.0 else 0.0
