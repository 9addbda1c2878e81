"""What a training loop needs to know of a prepared model: :class:`Quantization`."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sw_ref.format import StlqFormat
from sw_ref.train.layers import Uses
from sw_ref.train.methods import Method


class Quantization:
    """The quantized layers of a prepared model, by name in order of execution.

    All state is in the model (parameters and buffers), so its state_dict resumes a run exactly.  For a
    ``copy.deepcopy`` of the model, ``quantization.on(copy)`` gives the same view of the copy.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        method: Method,
        fmt: StlqFormat,
        tile: tuple[int, int],
        granularity: str,
        lambda_v: float,
        uses: dict[str, Uses],
    ) -> None:
        self.model, self.method, self.fmt, self.tile = model, method, fmt, tile
        self.granularity, self.lambda_v, self.uses = granularity, lambda_v, uses
        modules = dict(model.named_modules())
        self.layers = {name: modules[name] for name in uses}

    def on(self, model: nn.Module) -> "Quantization":
        """The same view of a copy of the model."""
        return Quantization(
            model,
            method=self.method,
            fmt=self.fmt,
            tile=self.tile,
            granularity=self.granularity,
            lambda_v=self.lambda_v,
            uses=self.uses,
        )

    def weights(self) -> Iterator[tuple[str, Any]]:
        """The weight quantizers (parametrizations), with the layers' names."""
        for name, layer in self.layers.items():
            if parametrize.is_parametrized(layer, "weight"):
                yield name, layer.parametrizations["weight"][0]  # type: ignore[index]

    def penalty(self) -> Tensor:
        """lambda * ||v||^2, to be added to the task loss: a scalar on the model's device."""
        return torch.zeros((), device=next(self.model.parameters()).device)

    def step(self, progress: float) -> None:
        """To be called after each optimizer step; `progress` is the share of all steps that is done, 0..1.

        Holds |v| below its falling limit, truncates it below epsilon, and keeps learned steps above 0.
        """

    def v_norm(self) -> float:
        """||v|| over all layers."""
        return 0.0

    def share_left(self) -> float:
        """Share of v's elements that is not 0 yet, of those that can be (0 if there are none)."""
        return 0.0

    def weight_cycles(self) -> int:
        """Beats of the array for one sample: over all layers, beats of a full pass over the tiles * positions."""
        return 0

    def parameter_groups(
        self, *, lr: float, weight_decay: float = 0.0, v_lr: float | None = None
    ) -> list[dict[str, Any]]:
        """Groups for an optimizer: the model's own parameters; v, and the learned steps, without weight decay."""
        return [{"params": list(self.model.parameters()), "lr": lr, "weight_decay": weight_decay}]

    def selection_digest(self) -> str:
        """SHA-256 (hex) of the selection tensors C of all layers: equal on resume, or the checkpoint is another run's."""
        return ""

    def check_finite(self) -> None:
        """Raises ``ValueError`` naming the first parameter that holds NaN or infinity."""
