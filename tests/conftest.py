"""Every test has a cache, a ledger and kept prices of its own: no test reads or writes the user's."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.parallel import Cores

from lstmstrat.forecasting import session


def pytest_configure(config: pytest.Config) -> None:
    """On a fresh clone the kernels are compiled here once, and not by every worker and its processes at once."""
    kernels = Path(session.__file__).parent / "models" / "lstm" / "__pycache__"
    if not hasattr(config, "workerinput") and not any(kernels.glob("*.nbi")):
        from lstmstrat.study.cluster.work import warm_up

        warm_up()


def pytest_collection_finish() -> None:
    """What is loaded by now stays: 800,000 objects that no garbage collection need visit any more."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _not_the_users_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For what is started before a test, and lives longer."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kept")
        patch.setenv("LSTMSTRAT_CACHE", str(folder / "cache.sqlite"))
        patch.setenv("LSTMSTRAT_LEDGER", str(folder / "ledger.sqlite"))
        patch.setenv("LSTMSTRAT_PRICES", str(folder / "prices"))
        yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LSTMSTRAT_CACHE", str(tmp_path / "cache.sqlite"))
    monkeypatch.setenv("LSTMSTRAT_LEDGER", str(tmp_path / "ledger.sqlite"))
    monkeypatch.setenv("LSTMSTRAT_PRICES", str(tmp_path / "prices"))
    session._default.cache_clear()
    yield
    session._default.cache_clear()


@pytest.fixture(scope="module")
def cores() -> Iterator[Cores]:
    """For many independent samples; the processes end with the tests of a file, which others may count."""
    found = Cores()
    with found.pool:
        yield found
