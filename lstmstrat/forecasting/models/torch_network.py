"""A network of the user's, and its loss: what either does wrong is a sentence.

Letters: L lookback, F features, B windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from lstmstrat.errors import ERRORS_OF_CODE, ConfigError, describe
from lstmstrat.forecasting.models.torch_model import TorchModel
from lstmstrat.forecasting.models.torch_process import torch_alone

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": nn.functional.mse_loss,
    "huber": nn.functional.huber_loss,  # delta 1, as for the LSTM
}


class Network:
    """The module that `TorchModel.network` gives, on the device of the model, in ``eval()``."""

    def __init__(self, model: TorchModel, example: Tensor):
        """`example` (B, L, F) goes through it once, which also gives lazy layers their shapes.

        Raises
        ------
        ConfigError
            `network` fails or gives no module, or the output is not one number for each window.
        """
        self._model, self.name = model, type(model).__name__
        features = example.shape[2]
        try:
            module = model.network(features)
        except ERRORS_OF_CODE as error:
            raise ConfigError(f"model: {self.name}.network({features}) failed: {describe(error)}") from error
        if not isinstance(module, nn.Module):
            kind = type(module).__name__
            raise ConfigError(f"model: {self.name}.network gave a {kind}; expected a torch.nn.Module")
        self.module = module.to(model.device).eval()
        with torch.no_grad():
            self.outputs(example)

    @property
    def weights(self) -> list[nn.Parameter]:
        """What training changes.

        Raises
        ------
        ConfigError
            There is nothing.
        """
        weights = [weight for weight in self.module.parameters() if weight.requires_grad]
        if not weights:
            raise ConfigError(f"model: {self.name}.network has no weights to train; expected a module with some")
        return weights

    def outputs(self, windows: Tensor) -> Tensor:
        """One number (B,) for each window (B, L, F), in units of the scaled label."""
        shape, count = tuple(windows.shape), len(windows)
        try:
            outputs = self.module(windows)
        except ERRORS_OF_CODE as error:
            raise ConfigError(
                f"model: the network of {self.name} failed on inputs of shape {shape}, that is windows, lookback "
                f"and features: {describe(error)}"
            ) from error
        if not isinstance(outputs, Tensor):
            kind = type(outputs).__name__
            raise ConfigError(
                f"model: the network of {self.name} gave a {kind}; expected a tensor, one number for each window "
                "(a recurrent layer of torch gives a tuple, whose first part holds the states)"
            )
        shapes = ((count,), (count, 1), *([()] if count == 1 else []))  # (): one window, squeezed
        if tuple(outputs.shape) not in shapes or not outputs.is_floating_point():
            raise ConfigError(
                f"model: the network of {self.name} gave {outputs.dtype} of shape {tuple(outputs.shape)} for "
                f"inputs of shape {shape}; expected real numbers, one for each window: ({count},) or ({count}, 1)"
            )
        return outputs.reshape(count)

    def loss(self, windows: Tensor, labels: Tensor) -> Tensor:
        """The loss, a single number, of windows (B, L, F) with labels (B,)."""
        outputs = self.outputs(windows)
        try:
            loss = self._model.criterion(outputs, labels)
        except ERRORS_OF_CODE as error:
            raise ConfigError(f"model: {self.name}.criterion failed: {describe(error)}") from error
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.is_floating_point():
            given = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise ConfigError(
                f"model: {self.name}.criterion gave {given}; expected a tensor with one real number, a mean"
            )
        if torch.is_grad_enabled() and not loss.requires_grad:
            raise ConfigError(
                f"model: the loss of {self.name} does not depend on the weights of its network, so nothing can "
                "be learned; look for a detach(), a no_grad() or an item() on the way"
            )
        return loss.reshape(())

    def state(self) -> bytes:
        """Weights and buffers as a safetensors file."""
        state = self.module.state_dict()
        for name, value in state.items():
            if not isinstance(value, Tensor):
                raise ConfigError(
                    f"model: the network of {self.name} has {name}, a {type(value).__name__}, in its state; "
                    "expected tensors alone"
                )
        # Copies, because weights that two layers share can be saved only as two tensors.
        data: bytes = save({name: value.detach().cpu().contiguous().clone() for name, value in state.items()})
        return data

    def load(self, state: bytes) -> None:
        """Takes over what `state` has returned."""
        self.module.load_state_dict(load(state))


def new_network(model: TorchModel, example: Tensor, seed: int) -> Network:
    """A network that no other fit has, and whose first weights are a function of the seed.

    Raises
    ------
    ConfigError
        As `Network`; or `network` hands out the same weights twice, or other ones from the same seed.
    """
    network, name = Network(model, example), type(model).__name__
    with torch_alone(model.device, seed):
        again = Network(model, example)
    if {id(weight) for weight in network.module.parameters()} & {id(w) for w in again.module.parameters()}:
        raise ConfigError(
            f"model: {name}.network gave the same weights twice, so each fit would go on with those of the one "
            "before; make new layers inside of network()"
        )
    if network.state() != again.state():
        raise ConfigError(
            f"model: {name}.network begins with other weights each time, though the seed is the same; draw them "
            "with torch, or with the random numbers of the process, and not from a generator of their own"
        )
    return network


def check_repeatable(network: Network, again: Network, windows: Sequence[Tensor]) -> None:
    """Refuses a network whose output for a window depends on more than the window and the state.

    `again` was built anew, and has the same state. Both must say the same of each window (1, L, F), in any order.
    """
    with torch.no_grad():
        said = [torch.cat([network.outputs(window) for window in windows]) for _ in range(2)]
        said.append(torch.cat([again.outputs(window) for window in reversed(windows)]).flip(0))
        together = network.outputs(torch.cat(list(windows)))
    if len({outputs.cpu().numpy().tobytes() for outputs in said}) > 1:
        raise ConfigError(
            f"model: the network of {network.name} gives another output for the same window when asked again; in "
            "eval() nothing may be random, as F.dropout is without training=self.training, nor kept from one call "
            "to the next"
        )
    if not torch.allclose(together, said[0], rtol=1e-2, atol=1e-3):
        raise ConfigError(
            f"model: the network of {network.name} gives another output for a window when others are beside it, "
            "so it would not forecast what it was trained to; the windows come as (B, lookback, features), and "
            "recurrent layers of torch need batch_first=True"
        )
