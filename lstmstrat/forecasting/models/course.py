"""The course of the training of one network: losses, early stopping, and the weights that count in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

W = TypeVar("W")


@dataclass
class Course(Generic[W]):
    """The losses of a network in training, and its weights: with validation the best so far, else the newest."""

    patience: int
    train: list[float] = field(default_factory=list)
    valid: list[float] = field(default_factory=list)
    weights: W | None = None
    sound: bool = True

    @property
    def running(self) -> bool:
        """False if the network is broken, or had `patience` epochs without a better validation loss."""
        stale = len(self.valid) - 1 - int(np.argmin(self.valid)) if self.valid else 0
        return self.sound and stale < self.patience

    def record(self, train: float, valid: float | None, finite: bool, weights: W) -> None:
        """Adds the results of one epoch; `finite` says whether all its numbers were, the weights among them."""
        self.sound = finite
        self.train.append(train)
        if valid is None or valid < min(self.valid, default=np.inf):
            self.weights = weights
        if valid is not None:
            self.valid.append(valid)
