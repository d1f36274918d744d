"""Every test has a cache of its own: no test reads or writes the user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lstmstrat import trainer


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LSTMSTRAT_CACHE", str(tmp_path / "cache.sqlite"))
    trainer._default.cache_clear()
    yield
    trainer._default.cache_clear()
