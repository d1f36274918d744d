"""P12: where a strategy may know the future from, other than from the bars that the audit changes.

A file, a database or a table of dates that comes with the strategy may have been made from the very bars that
are traded. Nobody can tell by running it, so it is named, and the strategy is not assessable. An optimum that an
earlier run left behind is found by a run alone: its orders are others. The strategy runs once in a child process:
in a new Python, if it can be imported there; else, as a class of a notebook, in a fork of this one, without what
it may have kept.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import linecache
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from lstmstrat.audit import child
from lstmstrat.audit.case import Case
from lstmstrat.audit.finding import Finding
from lstmstrat.audit.kept import Kept, kept_by
from lstmstrat.audit.new_process import Json, answer_with, imported, in_new_process
from lstmstrat.audit.tables import Tables
from lstmstrat.audit.trace import ACCOUNT, STREAMED, Subject, Trace
from lstmstrat.audit.user_code import of_user, users_modules
from lstmstrat.audit.watch import Watch
from lstmstrat.config.names import is_own
from lstmstrat.config.plugins import changed_files, load_attribute
from lstmstrat.forecasting.session import Session
from lstmstrat.store import Store

NAMED = 3  # sources that a finding names, at most
ALONE = {True: "alone in a new process", False: "where nothing ran before"}
CURE = "put the class into a module of its own, or restart Python and audit it before it runs"


@dataclass(frozen=True)
class Sources:
    """What the code of a subject opens and carries with it, in words."""

    opened: tuple[str, ...]
    tables: tuple[str, ...]
    looked_at: int  # objects of the code
    decisions: tuple[str, ...] | None = None  # of a stream before which nothing ran; None: not known
    kept: tuple[str, ...] = ()  # what was taken away for this stream: an earlier run may have left it
    guessed: bool = False  # the first value of something kept is not known
    stuck: tuple[str, ...] = ()  # what is kept and could not be taken away
    error: str = ""  # why the subject could not be watched, or could not run; "" if it could


def probe(case: Case) -> Finding:
    """Watch what the subject opens, look for tables in its code, and for what an earlier run left behind."""
    name = "P12 sources"
    found = case.subject.sources or of_subjects([case.subject])[0]
    if found.decisions is None and found.error:
        return case.not_assessed(name, f"it could not be watched: {found.error}")
    if found.stuck:
        return case.not_assessed(name, f"{_said(found.stuck)}; {CURE}")
    if found.decisions is not None and found.decisions != (here := decisions(case.subject, case.stream)):
        return _of_other_decisions(case, name, found, found.decisions, here)
    if said := _named(found):
        return case.not_assessed(
            name, f"{said}: whether that was made from later bars, no change of bars can show"
        )
    detail = "it opens no file, no connection and no process, and no table comes with its code"
    return case.passed(name, found.looked_at, (), detail)


def _named(found: Sources) -> str:
    said = [f"it {text}" for text in found.opened] + list(found.tables)
    more = f" and {len(said) - NAMED} more" if len(said) > NAMED else ""
    return f"{'; '.join(said[:NAMED])}{more}"


def _said(kept: Sequence[str]) -> str:
    more = f" and {len(kept) - NAMED} more" if len(kept) > NAMED else ""
    return f"it keeps values between runs in {', '.join(kept[:NAMED])}{more}, which an earlier run may have filled"


def _of_other_decisions(
    case: Case, name: str, found: Sources, without: tuple[str, ...], here: tuple[str, ...]
) -> Finding:
    """The finding for a run alone that does something else than one in this process."""
    pairs = itertools.zip_longest(without, here, fillvalue="none")
    first = next(f"{alone}, and {now} here" for alone, now in pairs if alone != now)
    if found.guessed:
        return case.not_assessed(name, f"{_said(found.kept)}: without that its order is {first}; {CURE}")
    where = f"without {', '.join(found.kept[:NAMED])}" if found.kept else ALONE[bool(case.subject.path)]
    detail = f"it uses what an earlier run left behind: {where} its order is {first}"
    detail += f"; {said}" if (said := _named(found)) else ""
    if changed := changed_files([case.subject.path]):
        return case.not_assessed(name, "; ".join(changed))
    if found.error:  # it may miss what a notebook or a script sets
        return case.not_assessed(name, detail)
    cure = "; if a script set it, make it a parameter" if case.subject.path and not found.kept else ""
    return case.failed(name, len(here), detail + cure)


def of_subjects(subjects: Sequence[Subject]) -> list[Sources]:
    """The sources of subjects: all that can be imported in one new process, the others in forks of this one.

    Call it before the subjects run here: what a run leaves behind would be there in a fork as well.
    """
    try:
        answers = in_new_process(subjects)
    except child.ChildError as error:
        return [Sources((), (), 0, error=str(error))] * len(subjects)
    pairs = zip(answers, subjects, strict=True)
    return [_forked(subject) if answer is None else _from_json(answer) for answer, subject in pairs]


def _forked(subject: Subject) -> Sources:
    """The sources of a subject, found in a fork of this process."""
    own = subject.with_fields(session=None)
    try:
        kept = kept_by(own)
        users_modules()  # whose files they are is remembered, and each fork would ask for all of them anew
        return _from_json(child.forked(lambda: asdict(_look(Watch(), own, kept))))
    except child.ChildError as error:
        cure = "" if child.CAN_FORK else "; name the class in a config, then lstmstrat audit CONFIG can"
        return Sources((), (), 0, error=f"{error}{cure}")


def answer() -> None:
    """Json the request of `in_new_process`."""
    watch = Watch()
    users_modules()  # remembered for the forks
    answer_with(functools.partial(_answer_for, watch))


def _answer_for(watch: Watch, values: Json, frame: pd.DataFrame) -> Json | None:
    """The sources of one subject, found in a process that has run no other, where the platform can fork."""

    def look() -> Json | None:
        with Session(Store(None)) as session:
            return _look_at_imported(watch, values, frame, session)

    try:
        found: Json | None = child.forked(look) if child.CAN_FORK else look()
    except child.ChildError as error:
        return asdict(Sources((), (), 0, error=str(error)))
    return found


def decisions(subject: Subject, trace: Trace) -> tuple[str, ...]:
    """The orders of a run in words, to the sixth digit; of an indicator its values; and how the run ends."""
    prices = ("" if order.price is None else f" at {order.price:.6g}" for order in trace.orders)
    pairs = zip(trace.orders, prices, strict=True)
    said = [f"{o.side} {o.kind} {o.size:.6g}{price} on {trace.day(o.bar)}" for o, price in pairs]
    if subject.is_indicator:
        lines = {name: line for name, line in trace.lines.items() if name != ACCOUNT}
        said += [f"{name} {x:.6g} on {trace.day(k)}" for name, line in lines.items() for k, x in enumerate(line)]
    end = [f"none, it ends with {type(trace.error).__name__}: {trace.error}"] if trace.error else []
    return (*said, *end)


def _look_at_imported(watch: Watch, values: Json, frame: pd.DataFrame, session: Session) -> Json | None:
    """The sources of a subject whose modules are imported here; None if they cannot be."""
    for name in users_modules():  # so that each subject imports its modules itself
        del sys.modules[name]
    opened: list[str] = []
    try:
        with watch.watching() as opened:
            subject = imported(values, frame)
    except Exception:
        return None
    shared = subject if _has_own_model(subject) else subject.with_fields(session=session)
    found = _look(watch, shared, kept_by(subject, code_is_fresh=True))
    return asdict(replace(found, opened=tuple(dict.fromkeys([*opened, *found.opened]))))


def _has_own_model(subject: Subject) -> bool:
    """Whether the forecast is made by a model of the user's own, each of whose fits is to be watched."""
    model = str(subject.forecast.model if subject.forecast else subject.params.get("model", ""))
    return ":" in model and not model.startswith("lstmstrat.")


def _look(watch: Watch, subject: Subject, kept: Sequence[Kept]) -> Sources:
    """Import the modules of the subject again, run it, and look at its code; only in a child process."""
    for clear in (*_tables(subject).cached, linecache.clearcache):  # what was kept is read again
        clear()
    for each in kept:
        if each.take_away is not None:
            each.take_away()
    opened: list[str] = []
    if not subject.path:
        opened += _imported_again(watch, subject)
    alone = child.CAN_FORK and (not subject.is_indicator or of_user(subject.cls))
    tables = _tables(subject)  # before a run, which may write down what it did
    with watch.watching() as found:
        trace = subject.run(mode=STREAMED if alone else "runonce")
        whole = subject.run() if trace.error and alone else trace  # it may need all bars loaded
    _look_at_forecasts(tables, whole)
    error = f"{type(whole.error).__name__}: {whole.error}" if whole.error else ""
    return Sources(
        (*opened, *(x for x in found if x not in opened)),
        tuple(tables.found),
        tables.looked_at,
        decisions(subject, trace) if alone else None,
        tuple(each.name for each in kept),
        any(not each.certain for each in kept),
        tuple(each.name for each in kept if each.take_away is None),
        error,
    )


def _imported_again(watch: Watch, subject: Subject) -> list[str]:
    """What the modules of the subject open when they are imported."""
    classes = [subject.cls, *(value for value in subject.params.values() if isinstance(value, type))]
    modules = {cls.__module__ for cls in classes} & set(users_modules())
    if not modules:
        return []
    before = dict(sys.modules)
    for name in users_modules():
        del sys.modules[name]
    with watch.watching() as found:
        for name in sorted(modules):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    sys.modules.update(before)  # Backtrader looks the module of a class up there
    return found


def _tables(subject: Subject) -> Tables:
    """The tables in the code of a subject."""
    tables = Tables()
    tables.look_at_values("parameter", subject.params)
    tables.look_at_code(subject.cls)
    return tables


def _look_at_forecasts(tables: Tables, trace: Trace) -> None:
    """Look at the code of the features and models of a run as well."""
    for walk in trace.walks:
        config = walk.config
        names = (*config.features, *config.peer_features, config.refit_when or "", config.model)
        for name in names:
            if is_own(name):
                tables.look_at_code(load_attribute(name, "attribute", "", callable))


def _from_json(values: Json) -> Sources:
    found: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in values.items()}
    return Sources(**found)
