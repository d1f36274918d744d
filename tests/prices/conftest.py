"""Yahoo, played by a server on this machine, for the tests of a file that ask it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import requests
    from helpers.yahoo import Yahoo


@pytest.fixture(scope="module")
def _loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[requests.Session, Yahoo]]:
    from helpers.yahoo import loopback  # it loads yfinance, which few files need

    with loopback(tmp_path_factory.mktemp("yfinance")) as both:
        yield both


@pytest.fixture
def session(_loopback: tuple[requests.Session, Yahoo]) -> requests.Session:
    return _loopback[0]


@pytest.fixture
def yahoo(_loopback: tuple[requests.Session, Yahoo]) -> Yahoo:
    _loopback[1].reset()
    return _loopback[1]
