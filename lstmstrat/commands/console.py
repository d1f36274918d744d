"""Exit codes and error messages, which all command lines share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lstmstrat.errors import LSTMStratError

if TYPE_CHECKING:
    from lstmstrat.store import Store


def exit_code(work: Callable[[], int], interrupted: str = "stopped") -> int:
    """The exit code of `work`; 2 with the message of an error that the user can correct, 130 after Ctrl-C."""
    try:
        return work()
    except LSTMStratError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return 130


def add_cache_options(parser: argparse.ArgumentParser) -> None:
    """The options that `cache_of` reads."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--cache", type=Path, metavar="FILE", help="where fitted networks are kept (the user's cache)"
    )
    place.add_argument("--no-cache", action="store_true", help="keep fitted networks for this run only")
    parser.add_argument(
        "--cache-size", metavar="SIZE", help="bytes to which the cache may grow, such as 500MB (2GB)"
    )


def cache_of(options: argparse.Namespace) -> Store:
    """The store that the options of a command ask for."""
    from lstmstrat.store import Store, default_path, size_in_bytes

    size = None if options.cache_size is None else size_in_bytes(options.cache_size)
    return Store(None if options.no_cache else options.cache or default_path(), size)
