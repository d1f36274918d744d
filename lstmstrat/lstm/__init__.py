"""The LSTMs: trained many at a time, each for itself. The only package with numba and torch in it.

A slice is what one network learns from: one member of the ensemble of one fold. Nothing about a network depends on
another one, so they can be trained in any grouping and on any number of threads.

    values.py       what goes in (TrainingSlice) and what comes out (Fitted); no compiler: a cache is read quickly
    layout.py       where the weights of a network lie
    minibatches.py  which sequences of a slice make up each minibatch
    batch.py        networks in training: all that does not depend on the engine
    training.py     fit: epochs, early stopping, a second attempt
    cpu.py          the engine on a processor, and forecasts
    kernels.py      forward, gradient and Adam, compiled; product.py is the matrix product in them
    gpu.py          the engine on a GPU, in torch
"""
