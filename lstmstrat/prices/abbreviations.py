"""Winter and summer time by their abbreviations, GMT and BST: the offset behind each, where the zone is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

# Zones that call a part of their year GMT, which is a known clock, and the other by an abbreviation.
WITH_GMT = ("Europe/London", "Europe/Dublin")


def offsets_in(zone: str, names: pd.Series, local: pd.Series) -> pd.Series | None:
    """The offset from UTC of each time (n,), if `zone` is called by its name at each; None if it is not at one.

    In the hour that comes twice the names tell the first from the second.

    Examples
    --------
    >>> local = pd.Series(pd.to_datetime(["2019-10-27 01:30", "2019-10-27 01:30"]))
    >>> [str(offset)[-8:] for offset in offsets_in("Europe/London", pd.Series(["BST", "GMT"]), local)]
    ['01:00:00', '00:00:00']
    >>> offsets_in("America/New_York", pd.Series(["BST", "GMT"]), local)
    """
    stated = pd.Series(pd.NaT, local.index, dtype="timedelta64[ns]")
    for summer in (False, True):
        ahead, called = _of_zone(zone, pd.DatetimeIndex(local), summer)
        stated = stated.where(np.asarray(called != names), pd.Series(ahead, local.index))
    return None if stated[local.notna()].isna().any() else stated


def zone_called(names: pd.Series, local: pd.Series) -> str | None:
    """The zone that has GMT and the other `names` of times (n,) in its year; None if there is none."""
    return next((zone for zone in WITH_GMT if offsets_in(zone, names, local) is not None), None)


def _of_zone(zone: str, local: pd.DatetimeIndex, summer: bool) -> tuple[pd.TimedeltaIndex, np.ndarray]:
    """How far a zone is ahead of UTC at times (n,), and what it is called then; NaT and "" at no time of it.

    `summer` says which of the two an hour is that comes twice.
    """
    zoned = local.tz_localize(zone, ambiguous=np.full(len(local), summer), nonexistent="NaT")
    ahead = local - zoned.tz_convert("UTC").tz_localize(None)
    codes, spans = pd.factorize(ahead)
    names = [str(zoned[int(np.argmax(codes == k))].tzname()) for k in range(len(spans))]
    return ahead, np.array([*names, ""], dtype=object)[codes]
