"""A setting that the two contenders on PyTorch Lightning share."""

from __future__ import annotations

import logging
import warnings


def one_thread_and_quiet() -> None:
    """Set torch to one thread (a second one gained nothing); hide notes on data loaders and accelerators."""
    import pytorch_lightning  # noqa: F401  # it sets its level when it is imported
    import torch

    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric")  # few workers of a data loader
    for name in ("pytorch_lightning", "lightning_fabric", "darts"):
        logging.getLogger(name).setLevel(logging.ERROR)
