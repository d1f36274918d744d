"""Work on an executor: given up, done inline, and its results as they come."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from helpers.parallel import fresh

from lstmstrat.forecasting.executor import GivenUp, Inline, completed, cores


def twice(number: int) -> int:
    return 2 * number


def refuse(number: int) -> int:
    raise ValueError(f"{number} is refused")


# ---- given up --------------------------------------------------------------------------------------------------


def test_work_is_given_up_once_and_for_all() -> None:
    stop = GivenUp()
    assert not stop()
    stop.set()
    stop.set()
    assert stop()
    assert stop()


def test_work_is_given_up_with_what_it_is_a_part_of() -> None:
    outer = GivenUp()
    inner = GivenUp(outer)
    beside = GivenUp(outer)
    beside.set()
    assert (outer(), inner(), beside()) == (False, False, True)
    outer.set()
    assert (outer(), inner(), beside()) == (True, True, True)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_copy_in_another_process_is_never_set(protocol: int) -> None:
    """The event cannot travel, nor can whatever `outer` is; what was set before leaves no trace either."""
    lock = threading.Lock()  # cannot be pickled
    stop = GivenUp(lambda: lock.locked())
    before = pickle.loads(pickle.dumps(stop, protocol))
    stop.set()
    after = pickle.loads(pickle.dumps(stop, protocol))
    assert stop()
    assert (before(), after()) == (False, False)


def test_a_copy_that_is_set_does_not_set_the_first() -> None:
    stop = GivenUp()
    copy = pickle.loads(pickle.dumps(stop))
    copy.set()
    assert (copy(), stop()) == (True, False)


def asked(stop: Callable[[], bool]) -> bool:
    return stop()


def test_it_travels_with_the_work() -> None:
    stop = GivenUp(lambda: True)
    with ProcessPoolExecutor(1, mp_context=fresh()) as pool:
        assert pool.submit(asked, stop).result() is False
    assert asked(stop) is True


# ---- inline ----------------------------------------------------------------------------------------------------


def test_inline_work_is_done_when_it_has_been_submitted_by_the_thread_that_did() -> None:
    seen: list[threading.Thread] = []

    def work(number: int, *, factor: int) -> int:
        seen.append(threading.current_thread())
        return factor * number

    future = Inline().submit(work, 3, factor=5)
    assert future.done()
    assert future.result() == 15
    assert seen == [threading.current_thread()]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_of_inline_work_is_in_its_future(error: type[BaseException]) -> None:
    def work() -> None:
        raise error("no")

    future = Inline().submit(work)
    assert isinstance(future.exception(), error)
    with pytest.raises(error, match="no"):
        future.result()


def test_inline_is_an_executor_like_others() -> None:
    with Inline() as executor:
        assert isinstance(executor, Executor)
        assert list(executor.map(twice, range(3))) == [0, 2, 4]


# ---- completed -------------------------------------------------------------------------------------------------


class ByHand(Executor):
    """Does its oldest work when `full` pieces wait, and what is left when it is told to."""

    def __init__(self, full: int):
        self.full = full
        self.most = 0  # that waited at once
        self.futures: list[Future[Any]] = []
        self._work: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.futures.append(future)
        self._work.append((future, fn, args))
        self.most = max(self.most, len(self._work))
        if len(self._work) == self.full:
            self.work()
        return future

    def work(self) -> None:
        future, fn, args = self._work.pop(0)
        try:
            future.set_result(fn(*args))
        except Exception as error:
            future.set_exception(error)

    def work_all(self) -> None:
        while self._work:
            self.work()


def drawn_calls(executor: ByHand, count: int, drawn: list[int]) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        drawn.append(number)
        yield twice, number
    executor.work_all()


def test_every_result_comes_once() -> None:
    with ThreadPoolExecutor(3) as pool:
        found = sorted(completed(pool, ((twice, n) for n in range(50)), 4))
    assert found == [2 * n for n in range(50)]


def test_without_calls_there_is_no_result() -> None:
    assert list(completed(Inline(), (), 3)) == []


def test_results_come_in_the_order_in_which_they_are_ready() -> None:
    """The first call waits until the second has been read."""
    read = threading.Event()

    def slow() -> str:
        assert read.wait(30.0)
        return "slow"

    with ThreadPoolExecutor(2) as pool:
        results = completed(pool, [(slow,), (twice, 1)], 2)
        assert next(results) == 2
        read.set()
        assert list(results) == ["slow"]


def test_inline_results_come_in_the_order_of_the_calls() -> None:
    assert list(completed(Inline(), ((twice, n) for n in range(5)), 1)) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("ahead", [1, 3, 10, 99])
def test_calls_are_read_only_as_far_as_there_is_room(ahead: int) -> None:
    executor, drawn = ByHand(ahead), list[int]()
    results = completed(executor, drawn_calls(executor, 10, drawn), ahead)
    assert drawn == []
    first = next(results)
    assert first == 0 or ahead > 10  # then all are ready at once
    assert len(drawn) == min(ahead, 10)
    assert sorted([first, *results]) == [2 * n for n in range(10)]
    assert executor.most == min(ahead, 10)


def test_who_stops_reading_cancels_what_has_not_begun() -> None:
    executor, drawn = ByHand(4), list[int]()
    results = completed(executor, drawn_calls(executor, 10, drawn), 4)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(drawn) == 4
    assert [future.cancelled() for future in executor.futures] == [False, True, True, True]


def test_who_stops_reading_does_not_wait_for_what_has_begun() -> None:
    begun, over = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert over.wait(30.0)

    ran: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        results = completed(pool, [(twice, 1), (slow,), *((ran.append, n) for n in range(5))], 3)
        assert next(results) == 2
        assert begun.wait(30.0)
        results.close()  # type: ignore[attr-defined]
        assert not over.is_set()
        over.set()
    assert ran == []


def test_the_error_of_one_call_is_raised_and_the_rest_is_cancelled() -> None:
    executor = ByHand(3)
    calls = [(twice, 0), (refuse, 1), (twice, 2), (twice, 3), (twice, 4)]
    results = completed(executor, calls, 3)
    assert next(results) == 0
    with pytest.raises(ValueError, match="1 is refused"):
        next(results)
    assert [future.cancelled() for future in executor.futures] == [False, False, True, True]
    with pytest.raises(StopIteration):
        next(results)


def test_an_error_in_a_thread_is_raised_where_the_results_are_read() -> None:
    with ThreadPoolExecutor(2) as pool, pytest.raises(ValueError, match="1 is refused"):
        list(completed(pool, ((refuse if n == 1 else twice, n) for n in range(5)), 2))


def test_an_error_of_the_calls_themselves_cancels_what_they_have_begun() -> None:
    executor = ByHand(9)

    def calls() -> Iterator[tuple[Any, ...]]:
        yield twice, 0
        yield twice, 1
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        next(completed(executor, calls(), 9))
    assert [future.cancelled() for future in executor.futures] == [True, True]


# ---- processors ------------------------------------------------------------------------------------------------


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {3, 5, 7}, raising=False)
    assert cores() == 3
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert cores() == 6
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert cores() == 1


def test_an_executor_that_is_shut_down_in_the_middle_ends_the_wait() -> None:
    """`concurrent.futures.wait` never comes back for a future that a shutdown has cancelled."""
    pool, begun = ThreadPoolExecutor(1), threading.Event()

    def work(number: int) -> int:
        begun.set()
        time.sleep(0.1)
        return number

    def shut_down() -> None:
        begun.wait()
        pool.shutdown(wait=False, cancel_futures=True)

    threading.Thread(target=shut_down).start()
    with pytest.raises((CancelledError, RuntimeError)):
        list(completed(pool, [(work, k) for k in range(5)], ahead=4))
