"""What code binds when it runs: variables of its module, of a function around it, attributes."""

from __future__ import annotations

import dataclasses
import dis
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType

from lstmstrat.audit.reach import Code

ANYTHING: set[object] = {
    "globals",
    "vars",
    "__dict__",
    "__globals__",
    "setattr",
    "__setattr__",
    "exec",
    "eval",
    "modules",
}
"""Names with which code can bind whatever it likes."""
_MADE_BY_DATACLASS = {"__init__", "__setattr__", "__delattr__", "__eq__", "__repr__", "__hash__"}


@dataclass
class Stores:
    """What a number of functions bind."""

    variables: set[tuple[str, str]] = field(default_factory=set)  # (module, name)
    attributes: set[str] = field(default_factory=set)  # of anything but the object that a method is called on
    of_itself: set[str] = field(default_factory=set)  # of that object, after its __init__
    cells: set[tuple[int, str]] = field(default_factory=set)  # (id of the function, name)
    anything: bool = False


def stores(codes: Iterable[Code]) -> Stores:
    """What the functions bind.

    Examples
    --------
    >>> def keep(cls, value):
    ...     cls.best = value
    >>> stores([Code(keep)]).attributes
    {'best'}
    """
    found = Stores()
    for code in codes:
        if not _is_made_by_dataclass(code):
            _collect(code.function, code.function.__code__, code.method_of is not None, found)
    return found


def _is_made_by_dataclass(code: Code) -> bool:
    function, owner = code.function, code.method_of
    generated = function.__code__.co_filename == "<string>" and function.__name__ in _MADE_BY_DATACLASS
    return generated and owner is not None and dataclasses.is_dataclass(owner)


def _collect(function: FunctionType, code: CodeType, is_method: bool, found: Stores) -> None:
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    itself = _name_of_itself(function) if is_method else ""
    itself = "" if itself in _bound_again(steps) else itself
    for k, step in enumerate(steps):
        if step.argval in ANYTHING and (not itself or _beside(steps, k) != itself):
            found.anything = True
            found.attributes |= {text for text in code.co_consts if isinstance(text, str)}
        if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            found.variables.add((function.__globals__.get("__name__", ""), step.argval))
        elif step.opname in ("STORE_DEREF", "DELETE_DEREF") and step.argval in function.__code__.co_freevars:
            found.cells.add((id(function), step.argval))
        elif step.opname in ("STORE_ATTR", "DELETE_ATTR"):
            if itself and _receiver(steps, k) == itself:
                found.of_itself |= {step.argval} if function.__name__ != "__init__" else set()
            else:
                found.attributes.add(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            _collect(function, inner, is_method, found)


def _name_of_itself(function: FunctionType) -> str:
    return function.__code__.co_varnames[0] if function.__code__.co_argcount else ""


def _beside(steps: list[dis.Instruction], k: int) -> str:
    """The variable of which a step takes an attribute, or that a function is called with first; "" for none.

    As in ``self.__dict__`` and in ``setattr(self, name, 1)``, but not in ``setattr(self.__class__, name, 1)``.
    """
    if steps[k].opname in ("LOAD_ATTR", "LOAD_METHOD"):
        return _last_loaded(steps[k - 1])
    after, then = steps[k + 1], steps[min(k + 2, len(steps) - 1)]
    if not after.opname.startswith(("LOAD_FAST", "LOAD_DEREF")):
        return ""
    if isinstance(after.argval, tuple):
        return str(after.argval[0])
    return "" if then.opname in ("LOAD_ATTR", "LOAD_METHOD") else str(after.argval)


def _bound_again(steps: list[dis.Instruction]) -> Iterator[str]:
    """The names of the variables that code binds, each of them maybe to another object than at the begin."""
    for step in steps:
        if "STORE_FAST" in step.opname or step.opname == "STORE_DEREF":
            yield from step.argval if isinstance(step.argval, tuple) else (step.argval,)


def _receiver(steps: list[dis.Instruction], store: int) -> str:
    """The variable whose attribute step number `store` binds; "" if it is not a plain variable."""
    before = steps[store - 1]
    if before.opname == "SWAP":  # x.n += 1 loads x once, and copies it
        name = steps[store].argval
        loads = (k for k in range(store - 1, 1, -1) if _loads(steps[k], name) and steps[k - 1].opname == "COPY")
        load = next(loads, None)
        before = steps[load - 2] if load is not None else before
    return _last_loaded(before)


def _last_loaded(step: dis.Instruction) -> str:
    """The variable that a step loads, the last one if there are two; "" if it loads none."""
    if not step.opname.startswith(("LOAD_FAST", "LOAD_DEREF", "STORE_FAST_LOAD_FAST")):
        return ""
    return str(step.argval[-1] if isinstance(step.argval, tuple) else step.argval)


def _loads(step: dis.Instruction, name: str) -> bool:
    return step.opname == "LOAD_ATTR" and step.argval == name
