"""What tests of whole runs leave out."""

from __future__ import annotations

import pytest

from lstmstrat.study import checks


@pytest.fixture
def no_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check on cut prices, a fifth of a short run: for tests of what no check decides."""
    monkeypatch.setattr(checks, "check_cuts", lambda run, session: [])
