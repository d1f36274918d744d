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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lstmstrat.audit import child
from lstmstrat.audit.case import Case
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, Finding
from lstmstrat.audit.kept import Kept, kept_by
from lstmstrat.audit.new_process import answer_with, imported, in_new_process
from lstmstrat.audit.own_code import Json, OwnCode
from lstmstrat.audit.subject_code import SubjectCode, decisions
from lstmstrat.audit.tables import Tables
from lstmstrat.audit.trace import Subject
from lstmstrat.audit.user_code import users_modules
from lstmstrat.audit.watch import Watch
from lstmstrat.config.plugins import changed_files

_PRICES = "lstmstrat.prices."  # begins the names of the modules that read bundled files
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
    name, subject = "P12 sources", case.subject
    found = subject.sources or of_subjects([subject])[0]
    judgement = judged(found, SubjectCode(subject), lambda: decisions(subject, case.stream))
    if judgement.status == PASSED:
        return case.passed(name, judgement.compared, (), judgement.detail)
    if judgement.status == FAILED:
        return case.failed(name, judgement.compared, judgement.detail)
    return case.not_assessed(name, judgement.detail)


@dataclass(frozen=True)
class Judgement:
    """What the sources of something say about it."""

    status: str  # PASSED | FAILED | NOT_ASSESSED
    compared: int  # objects that were looked at, or decisions that were compared
    detail: str


def judged(found: Sources, own: OwnCode, here: Callable[[], tuple[str, ...]]) -> Judgement:
    """The judgement on what was found; `here` says what it decides as a stream in this process."""
    if found.decisions is None and found.error:
        return _unknown(f"it could not be watched: {found.error}")
    if found.stuck:
        return _unknown(f"{_said(found.stuck)}; {CURE}")
    if found.decisions is not None and found.decisions != (decided := here()):
        return _of_other_decisions(found, own, found.decisions, decided)
    if said := _named(found):
        return _unknown(f"{said}: whether that was made from later bars, no change of bars can show")
    detail = "it opens no file, no connection and no process, and no table comes with its code"
    return Judgement(PASSED, found.looked_at, detail)


def _unknown(detail: str) -> Judgement:
    return Judgement(NOT_ASSESSED, 0, detail)


def _named(found: Sources) -> str:
    said = [f"it {text}" for text in found.opened] + list(found.tables)
    more = f" and {len(said) - NAMED} more" if len(said) > NAMED else ""
    return f"{'; '.join(said[:NAMED])}{more}"


def _said(kept: Sequence[str]) -> str:
    more = f" and {len(kept) - NAMED} more" if len(kept) > NAMED else ""
    return f"it keeps values between runs in {', '.join(kept[:NAMED])}{more}, which an earlier run may have filled"


def _of_other_decisions(
    found: Sources, own: OwnCode, without: tuple[str, ...], here: tuple[str, ...]
) -> Judgement:
    """The judgement on a run alone that does something else than one in this process."""
    pairs = itertools.zip_longest(without, here, fillvalue="none")
    first = next(f"{alone}, and {now} here" for alone, now in pairs if alone != now)
    if found.guessed:
        return _unknown(f"{_said(found.kept)}: without that its order is {first}; {CURE}")
    where = f"without {', '.join(found.kept[:NAMED])}" if found.kept else ALONE[own.importable]
    detail = f"it uses what an earlier run left behind: {where} its order is {first}"
    detail += f"; {said}" if (said := _named(found)) else ""
    if changed := changed_files(own.names):
        return _unknown("; ".join(changed))
    if found.error:  # it may miss what a notebook or a script sets
        return _unknown(detail)
    cure = "; if a script set it, make it a parameter" if own.importable and not found.kept else ""
    return Judgement(FAILED, len(here), detail + cure)


def of_subjects(subjects: Sequence[Subject]) -> list[Sources]:
    """The sources of subjects, see `of_own_code`."""
    return of_own_code([SubjectCode(subject.with_fields(session=None)) for subject in subjects])


def of_own_code(codes: Sequence[OwnCode]) -> list[Sources]:
    """The sources of each: of all that can be imported in one new process, of the others in forks of this one.

    Call it before they run here: what a run leaves behind would be there in a fork as well.
    """
    try:
        answers = in_new_process(codes)
    except child.ChildError as error:
        return [Sources((), (), 0, error=str(error))] * len(codes)
    pairs = zip(answers, codes, strict=True)
    return [_forked(one) if answer is None else _from_json(answer) for answer, one in pairs]


def _forked(own: OwnCode) -> Sources:
    """The sources found in a fork of this process."""
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


def _answer_for(watch: Watch, sent: Json, bars: Json) -> Json | None:
    """The sources found in a process that has run nothing else, where the platform can fork."""

    look = functools.partial(_look_at_imported, watch, sent, bars)
    try:
        found: Json | None = child.forked(look) if child.CAN_FORK else look()
    except child.ChildError as error:
        return asdict(Sources((), (), 0, error=str(error)))
    return found


def _look_at_imported(watch: Watch, sent: Json, bars: Json) -> Json | None:
    """The sources of what is imported here; None if it cannot be."""
    for name in users_modules():  # so that each imports its modules itself
        del sys.modules[name]
    opened: list[str] = []
    try:
        with watch.watching() as opened:
            own = imported(sent, bars)
    except Exception:
        return None
    found = _look(watch, own, kept_by(own, code_is_fresh=True))
    return asdict(replace(found, opened=tuple(dict.fromkeys([*opened, *found.opened]))))


def _look(watch: Watch, own: OwnCode, kept: Sequence[Kept]) -> Sources:
    """Import the modules again, run it, and look at its code; only in a child process."""
    for clear in (*_tables(own).cached, *_caches_of_prices(), linecache.clearcache):  # what was kept is read again
        clear()
    for each in kept:
        if each.take_away is not None:
            each.take_away()
    opened: list[str] = []
    if not own.importable:
        opened += _imported_again(watch, own)
    alone = child.CAN_FORK and own.decides
    tables = _tables(own)  # before a run, which may write down what it did
    with watch.watching() as found:
        did = own.did(streamed=alone)
        whole = own.did(streamed=False) if did.error and alone else did  # it may need all bars loaded
    for code in whole.code:
        tables.look_at_code(code)
    return Sources(
        (*opened, *(x for x in found if x not in opened)),
        tuple(tables.found),
        tables.looked_at,
        did.decisions if alone else None,
        tuple(each.name for each in kept),
        any(not each.certain for each in kept),
        tuple(each.name for each in kept if each.take_away is None),
        whole.error,
    )


def _caches_of_prices() -> Iterator[Callable[[], None]]:
    """Empties what this package keeps of the prices that come with it: whoever asks for them opens their file."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_PRICES):
            yield from (value.cache_clear for value in vars(module).values() if hasattr(value, "cache_clear"))


def _imported_again(watch: Watch, own: OwnCode) -> list[str]:
    """What the modules of the code open when they are imported."""
    code = [*own.code, *(value for value in own.values.values() if isinstance(value, type))]
    modules = {each.__module__ for each in code} & set(users_modules())
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


def _tables(own: OwnCode) -> Tables:
    """The tables in the code, and in its parameters."""
    tables = Tables()
    tables.look_at_values("parameter", own.values)
    for code in own.code:
        tables.look_at_code(code)
    return tables


def _from_json(values: Json) -> Sources:
    found: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in values.items()}
    return Sources(**found)
