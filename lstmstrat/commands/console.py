"""Exit codes and error messages, which all command lines share."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lstmstrat.commands.output import lasting_streams
from lstmstrat.errors import ConfigError, LSTMStratError, describe

if TYPE_CHECKING:
    from lstmstrat.config.schema import Config
    from lstmstrat.forecasting.session import Session
    from lstmstrat.store import Store


class Terminated(KeyboardInterrupt):
    """The process was asked to end by another signal than that of Ctrl-C; nothing else tells the two apart."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


def exit_code(work: Callable[[], int], interrupted: Callable[[], str] = lambda: "stopped") -> int:
    """The exit code of `work`, and a sentence for what ended it; `interrupted` has that of a signal.

    2 with the message of an error that the user can correct, if a library cannot be loaded or memory is used up,
    or if code of the user's ends the program; 130 after Ctrl-C; 128 and its number after another signal, such as
    143 after SIGTERM.
    """
    with lasting_streams():
        return _code(work, interrupted)


def _code(work: Callable[[], int], interrupted: Callable[[], str]) -> int:
    try:
        with _signals_raise(), own_path():
            return work()
    except LSTMStratError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (ImportError, MemoryError) as error:  # of a library: a user's own code has a sentence by now
        print(f"error: {_no_room(error)}\n{interrupted()}", file=sys.stderr)
        return 2
    except Exception:  # a fault of ours
        raise
    except Terminated as error:
        print(interrupted(), file=sys.stderr)
        return 128 + error.number
    except KeyboardInterrupt:
        print(interrupted(), file=sys.stderr)
        return 130
    except BaseException as error:  # sys.exit, GeneratorExit, or a class of the user's: we raise none
        print(f"error: code of yours ended the run: {describe(error)}", file=sys.stderr)
        return 2


def _no_room(error: Exception) -> str:
    what = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({what}); end other programs, or raise its limit (ulimit -v)"
    return (
        f"a library cannot be loaded ({what}); if memory has a limit, raise it (ulimit -v), else install it anew: "
        "pip install --force-reinstall lstmstrat"
    )


@contextmanager
def _signals_raise() -> Iterator[None]:
    """In the block, signals that ask a process to end raise `Terminated`, unless somebody handles them."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    here = threading.current_thread() is threading.main_thread()  # another may set no handler
    ours = [number for number in numbers if here and signal.getsignal(number) is signal.SIG_DFL]

    def handle(number: int, _: object) -> None:
        raise Terminated(number)

    for number in ours:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def at_home(text: str) -> Path:
    """A file or folder as a user names it, ``~`` too, which no shell expands inside of quotes.

    >>> at_home("~/runs").is_relative_to(Path.home())
    True
    """
    with suppress(RuntimeError):  # ~name of nobody
        return Path(text).expanduser()
    return Path(text)


def anywhere(text: str) -> Path:
    """The same wherever the user's code moves the process to: an absolute path."""
    return at_home(text).absolute()


def read_config(path: Path, settings: Sequence[str] = ()) -> Config:
    """The config, whose folders this process searches for modules from now on; `own_path` ends that."""
    from lstmstrat.config.search import folders_of
    from lstmstrat.study.prepare import load_config

    config = load_config(path, settings)
    sys.path += [folder for folder in folders_of(path) if folder not in sys.path]  # what its code imports later
    return config


@contextmanager
def own_path() -> Iterator[None]:
    """A block after which `sys.path` is what it was."""
    original = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = original


def check_file(option: str, path: Path | None) -> None:
    """Check that a file can be written there, before the work, so that none is lost."""
    if path is None:
        return
    if path.is_dir():
        raise ConfigError(f"{option} {path}: cannot write, it is a folder; give a file in it")
    if not path.parent.is_dir():
        raise ConfigError(f"{option} {path}: cannot write, there is no folder {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"{option} {path}: cannot write, there is no permission; give another file")


def write_index(folder: Path, most: int | None = None) -> Path:
    """Write index.html of a folder of runs: all, or the `most` that were written last."""
    from lstmstrat.report.page.runs import runs_page
    from lstmstrat.results import index, run_folder

    runs = index.runs_in(folder, most)
    older = 0 if most is None else max(0, sum(1 for _ in folder.glob("**/summary.json")) - most)
    return run_folder.replace_file(folder / "index.html", runs_page(runs, index.sweeps_in(folder), folder, older))


def add_price_options(parser: argparse.ArgumentParser) -> None:
    """The options on downloads, which `lstmstrat.load_prices` explains."""
    network = parser.add_mutually_exclusive_group()
    network.add_argument(
        "--offline", action="store_true", help="never use the network; of Yahoo the newest download that is kept"
    )
    network.add_argument(
        "--refresh",
        action="store_true",
        help="download prices anew and say what changed (they are kept: for good if end: is over, else for a day)",
    )


def add_cache_options(parser: argparse.ArgumentParser) -> None:
    """The options that `cache_of` reads."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--cache", type=anywhere, metavar="FILE", help="where fitted networks are kept (the user's cache)"
    )
    place.add_argument("--no-cache", action="store_true", help="keep fitted networks for this run only")
    parser.add_argument(
        "--cache-size", metavar="SIZE", help="bytes to which the cache may grow, such as 500MB (2GB)"
    )


def add_jobs_option(parser: argparse.ArgumentParser) -> None:
    """The options that `session_of` reads beside those of the cache: threads, or a cluster in their place."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--jobs", type=int, metavar="N", help="training threads (one a core); the numbers do not change"
    )
    where.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="train on a Dask cluster in place of threads: local:N or tcp://host:port (docs/cluster.md)",
    )
    parser.set_defaults(store=None)  # until there is one


def add_work_options(parser: argparse.ArgumentParser) -> None:
    """The options of a command that simulates: threads, prices and cache."""
    add_jobs_option(parser)
    add_price_options(parser)
    add_cache_options(parser)


def exit_code_of_work(main: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """`exit_code` of a command that simulates, and has `add_work_options`."""
    with rare_collection():
        return exit_code(lambda: main(options), lambda: stopped(options))


@contextmanager
def session_of(options: argparse.Namespace) -> Iterator[Session]:
    """The session that the options of a command ask for, for one block."""
    from lstmstrat.forecasting.session import Session
    from lstmstrat.study.cluster.connect import cluster

    if options.jobs is not None and options.jobs < 1:
        raise ConfigError(f"--jobs {options.jobs}: expected at least 1")
    options.store = cache_of(options)
    where = nullcontext() if options.cluster is None else cluster(options.cluster)
    with where as executor, Session(options.store, options.jobs, executor=executor) as session:
        yield session


def stopped(options: argparse.Namespace) -> str:
    """What is said to somebody who stopped a command."""
    return "stopped; the same command goes on from what is in the cache" if keeps(options) else "stopped"


def keeps(options: argparse.Namespace) -> bool:
    """Whether there is a cache, and it could be used so far."""
    store: Store | None = options.store
    return not options.no_cache and (store is None or store.path is not None)


@contextmanager
def rare_collection() -> Iterator[None]:
    """Look for garbage in cycles less often: the simulations make many objects, and hardly any such garbage."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)  # a tenth less time, and 17 MB more
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def cache_of(options: argparse.Namespace) -> Store:
    """The store that the options of a command ask for."""
    from lstmstrat.store import Store, default_path, size_in_bytes

    size = None if options.cache_size is None else size_in_bytes(options.cache_size)
    return Store(None if options.no_cache else options.cache or default_path(), size)
