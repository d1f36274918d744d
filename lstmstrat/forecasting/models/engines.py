"""What the engines share that train networks: the device of this machine, and the identity of their sources."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from lstmstrat.errors import ConfigError

MODELS = Path(__file__).parent
_OURS = ("borrowed.py", "course.py", "engines.py")
SHARED = (MODELS.parent / "training_set.py", *(MODELS / name for name in _OURS))  # behind every trained network
RETRY = 0x5EED  # mixed into the seed of a second attempt


@cache
def device_here(setting: str) -> str:
    """``cpu`` or ``cuda``: the meaning of ``device: setting`` on this machine.

    Raises
    ------
    ConfigError
        ``device: cuda`` on a machine where torch finds no GPU.
    """
    if setting == "cpu":
        return "cpu"
    if setting == "auto" and version("torch").endswith("+cpu"):
        return "cpu"  # without importing torch, which is not needed if all networks are in the store
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if setting == "auto":
        return "cpu"
    raise ConfigError("device: cuda, but torch finds no GPU here; set device: auto or cpu")


def source_hash(paths: Iterable[Path]) -> str:
    """A hash of the files of an engine and of what all engines share: if one changes, no old network is loaded."""
    sources = [*SHARED, *sorted(paths)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
