"""JAX: jit, vmap over the folds, scan over steps, minibatches and epochs.

The difference from the common job: the last, short minibatch of an epoch is left out. The time to compile is
counted, because JAX has not seen the shapes of the job before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jobs import CONFIG, FoldJob, examples

Tree = Any  # of arrays: weights, or what belongs to them
UNITS, BOUND = CONFIG.hidden_size, CONFIG.hidden_size**-0.5


def forecasts(jobs: Sequence[FoldJob]) -> list[np.ndarray]:
    """One array of forecasts per fold; all folds are trained in one call."""
    import jax

    data = [examples(job) for job in jobs]
    x, y, ahead = (np.stack([d[i] for d in data]) for i in range(3))  # (K, examples, L, F), (K, examples), ...
    keys = jax.random.split(jax.random.key(0), len(jobs))
    made = np.asarray(jax.jit(jax.vmap(_fold))(keys, x, y, ahead))
    return [d[3] + d[4] * forecast for d, forecast in zip(data, made, strict=True)]


def _fold(key: Any, x: Any, y: Any, ahead: Any) -> Any:
    """Train one network on windows x (examples, L, F) with labels y, and forecast the windows `ahead`."""
    import jax
    import jax.numpy as jnp

    *parts, order = jax.random.split(key, 5)
    weights = _initial(parts, x.shape[2])
    zero = jax.tree.map(jnp.zeros_like, weights)
    whole = len(x) // CONFIG.batch_size * CONFIG.batch_size
    epochs = jax.random.split(order, CONFIG.epochs)
    orders = jax.vmap(lambda k: jax.random.permutation(k, len(x))[:whole])(epochs)
    start = (weights, zero, zero, jnp.zeros(()))
    batches = orders.reshape(-1, CONFIG.batch_size)
    (weights, *_), _ = jax.lax.scan(lambda state, b: (_update(state, x[b], y[b]), None), start, batches)
    return _guess(weights, ahead)


def _initial(keys: Sequence[Any], width: int) -> Tree:
    import jax
    import jax.numpy as jnp

    shapes = {"wx": (width, 4 * UNITS), "wh": (UNITS, 4 * UNITS), "b": (4 * UNITS,), "w": (UNITS,)}
    drawn = {
        name: jax.random.uniform(key, shape, minval=-BOUND, maxval=BOUND)
        for key, (name, shape) in zip(keys, shapes.items(), strict=True)
    }
    return {**drawn, "v": jnp.zeros(())}


def _guess(p: Tree, windows: Any) -> Any:
    """The outputs (B,) for windows (B, L, F)."""
    import jax
    import jax.numpy as jnp

    def step(state: Any, bar: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(bar @ p["wx"] + h @ p["wh"] + p["b"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    start = jnp.zeros((windows.shape[0], UNITS))
    (h, _), _ = jax.lax.scan(step, (start, start), windows.transpose(1, 0, 2))
    return h @ p["w"] + p["v"]


def _update(state: Any, x: Any, y: Any) -> Any:
    """One step of Adam on a minibatch; the state is weights, means, squares and number of steps."""
    import jax
    import jax.numpy as jnp

    p, m, v, t = state
    g = jax.grad(lambda q: jnp.mean((_guess(q, x) - y) ** 2))(p)
    norm = jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(g)))
    g = jax.tree.map(lambda a: a * jnp.minimum(1.0, CONFIG.gradient_clip / (norm + 1e-6)), g)
    t = t + 1
    m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
    v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
    scale = CONFIG.learning_rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return jax.tree.map(lambda a, b, c: a - scale * b / (jnp.sqrt(c) + 1e-8), p, m, v), m, v, t
