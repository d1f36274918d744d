"""The LSTM. Only this package imports numba; torch is also imported where a user's network is trained.

Many networks are trained at a time. No network depends on another one, so they can be trained in any grouping and
on any number of threads.

    model.py        the `Model` with its settings, and a fitted network; loads no compiler
    layout.py       the position of each weight of a network in one vector
    minibatches.py  which sequences of a training set make up each minibatch
    batch.py        networks in training: the part that all engines share
    training.py     epochs, early stopping, a second attempt
    cpu.py          the engine for a CPU, and the forecasts
    kernels.py      forward pass, gradient and Adam, compiled; product.py is their matrix product
    gpu.py          the engine for a GPU, in torch
"""
