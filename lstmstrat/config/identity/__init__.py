"""The identity of a user's code: a hash of its classes and functions as they are in memory, and of what they use.

A file says what may run next time; the objects in memory are what runs now. So a notebook cell, a helper anywhere
on the path, and a number that was read from a file at the import count as they are, and a comment does not.

Code, defaults, closures, attributes of classes and instances, values of module variables, and those of the user's
modules that the code names are followed. Installed packages count by name and version. A value of which no copy
could be made, such as an open file, leaves the code without an identity.

bytecode.py     what a code object does
own_modules.py  which modules are the user's
walk.py         the hash, and the way through the objects
code.py         functions, classes and modules
values.py       containers, arrays, tables and other instances
sources.py      is the file of a module still the one that was imported?
"""

from __future__ import annotations

from dataclasses import dataclass

from lstmstrat.config.identity import code, values
from lstmstrat.config.identity.walk import UnidentifiedError, Walk, named
from lstmstrat.errors import describe

__all__ = ["Identity", "identify"]


@dataclass(frozen=True)
class Identity:
    """The hash of some code, or else the name of the value for which there is none.

    Raises
    ------
    ValueError
        Neither or both are given.
    """

    sha256: str | None
    unidentified: str = ""  # "mine.LOG, a TextIOWrapper"

    def __post_init__(self) -> None:
        if (self.sha256 is None) != bool(self.unidentified):
            raise ValueError("an identity is a hash, or the name of what has none")


def identify(*objects: object) -> Identity:
    """The identity of classes and functions, with their parameters or other values.

    It is the same in every process with the same code. A comment, a docstring or a line that moved does not change
    it. State counts as it is now, so take the identity before anything runs.

    Examples
    --------
    >>> def half(x):
    ...     return x / 2
    >>> def same(x):
    ...     "Half of x."
    ...     return x / 2  # by division
    >>> def third(x):
    ...     return x / 3
    >>> identify(half) == identify(same), identify(half) == identify(third)
    (True, False)
    >>> identify(x for x in "abc")
    Identity(sha256=None, unidentified='a generator')
    """
    walk = Walk({**code.TREES, **values.TREES}, [*code.WRITERS, *values.writers()], values.instance)
    try:
        for value in objects:
            walk.add(value, named(value))
    except UnidentifiedError as error:
        return Identity(None, str(error))
    except RecursionError:
        return Identity(None, f"{named(objects[0])}, which is nested too deeply")
    except Exception as error:  # an object may raise whatever it likes when it is looked at
        return Identity(None, f"{named(objects[0])}, which cannot be read ({describe(error)})")
    return Identity(walk.hexdigest())
