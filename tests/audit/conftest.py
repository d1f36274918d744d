"""What the forks of an audit have in common."""

from __future__ import annotations

import pytest

from lstmstrat.audit.user_code import users_modules


@pytest.fixture(autouse=True, scope="session")
def _known_files() -> None:
    """Which of the thousands of imported files are the user's is remembered here; each fork would ask it anew."""
    users_modules()
