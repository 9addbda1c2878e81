"""The handle of a prepared model for training loops: :class:`Quantization`."""

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sw_ref.format import StlqFormat
from sw_ref.train.methods import Method
from sw_ref.train.select import Layer
from sw_ref.train.weights import Words, anneal


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
        lambda_v: float,
        layers: dict[str, Layer],
    ) -> None:
        self.model, self.method, self.fmt, self.tile = model, method, fmt, tile
        self.lambda_v = lambda_v
        self._found = layers
        modules = dict(model.named_modules())
        self.layers = {name: modules[name] for name in layers}
        self.integers: Any = None
        """The network in integers that the model became (:func:`sw_ref.train.to_integers`), if it did."""

    def on(self, model: nn.Module) -> "Quantization":
        """The same view of a copy of the model."""
        return Quantization(
            model, method=self.method, fmt=self.fmt, tile=self.tile, lambda_v=self.lambda_v, layers=self._found
        )

    @property
    def float_weights(self) -> list[str]:
        """Parameters of two axes or more that stay in float: of skipped layers, attention, LSTM, Conv3d, functions."""
        quantized = tuple(f"{name}.{kind}" for name in self.layers for kind in ("weight", "parametrizations.weight"))
        parameters = self.model.named_parameters()
        return [name for name, values in parameters if values.ndim > 1 and not name.startswith(quantized)]

    def words(self) -> Iterator[tuple[str, Words]]:
        """The word quantizers (parametrizations of `weight`), with the layers' names."""
        for name, layer in self.layers.items():
            if parametrize.is_parametrized(layer, "weight"):
                quantizer = layer.parametrizations["weight"][0]  # type: ignore[index]
                if isinstance(quantizer, Words):
                    yield name, quantizer

    def annealed(self) -> list[nn.Parameter]:
        """All v."""
        return [quantizer.v for _, quantizer in self.words() if quantizer.v is not None]

    def penalty(self) -> Tensor:
        """lambda * ||v||^2, to be added to the task loss: a scalar on the model's device."""
        found = self.annealed()
        if not found:
            return torch.zeros((), device=next(self.model.parameters()).device)
        return self.lambda_v * torch.cat([v.flatten() for v in found]).square().sum()

    def step(self, progress: float) -> None:
        """To be called after each optimizer step; `progress` is the share of all steps that is done, 0..1.

        Holds |v| below its falling limit (0 from the method's `anneal_end` on), keeps v 0 where C is 1, truncates it
        below epsilon.  Raises ``ValueError`` for another `progress`.
        """
        if not 0 <= progress <= 1:
            raise ValueError(f"progress is {progress!r}; allowed: a number from 0 to 1")
        anneal([quantizer for _, quantizer in self.words()], progress)

    def _steps(self) -> Iterator[nn.Parameter]:
        """Learned steps and clips, of activations and weights."""
        for layer in self.layers.values():
            quantizers = [getattr(layer, "act_quantizer", None)]
            if parametrize.is_parametrized(layer, "weight"):
                quantizers.append(layer.parametrizations["weight"][0])  # type: ignore[index]
            for quantizer in quantizers:
                if quantizer is not None and not isinstance(quantizer, Words):
                    yield from quantizer.parameters()

    def v_norm(self) -> float:
        """||v|| over all layers."""
        return math.sqrt(sum(float(v.detach().square().sum()) for v in self.annealed()))

    def share_left(self) -> float:
        """Share of v's elements that are not 0 yet, of those where C is 0; 0 if there is no v."""
        free = sum(int((~q.selection).sum()) for _, q in self.words() if q.v is not None)
        left = sum(int(torch.count_nonzero(v)) for v in self.annealed())
        return left / free if free else 0.0

    def weight_cycles(self) -> int:
        """Beats of the array for one sample: over all layers, beats of a full pass over the tiles * positions.

        Of a grouped layer the tiles are those that the array streams, along the diagonal.

        Blocks that are no tiles count by their share of the tiles, as if those with two words shared no tile with
        others.  Formats without words count one beat per tile, as in an array of their own.
        """
        beats = sum(layer.positions * layer.streamed_tiles for layer in self._found.values())
        second = sum(self._found[name].second_beats(q.selection.cpu().numpy()) for name, q in self.words())
        return beats + math.ceil(second - 1e-9 * second)

    def parameter_groups(
        self, *, lr: float, weight_decay: float = 0.0, v_lr: float | None = None
    ) -> list[dict[str, Any]]:
        """Groups for an optimizer: the model's own parameters; v (at `v_lr`) and learned steps without weight decay."""
        v, steps = self.annealed(), list(self._steps())
        special = {id(p) for p in (*v, *steps)}
        own = [p for p in self.model.parameters() if id(p) not in special]
        groups = [
            {"params": own, "lr": lr, "weight_decay": weight_decay},
            {"params": steps, "lr": lr, "weight_decay": 0.0},
            {"params": v, "lr": lr if v_lr is None else v_lr, "weight_decay": 0.0},
        ]
        return [group for group in groups if group["params"]]

    def selection_digest(self) -> str:
        """SHA-256 (hex) of all selection tensors C: on resume the same, or the checkpoint is another run's."""
        digest = hashlib.sha256()
        for name, quantizer in self.words():
            digest.update(f"{name} {tuple(quantizer.selection.shape)} ".encode())
            digest.update(quantizer.selection.cpu().numpy().tobytes())
        return digest.hexdigest()

    def check_finite(self) -> None:
        """Raises ``ValueError`` naming the first parameter that holds NaN or infinity, or whose gradient does."""
        for name, parameter in self.model.named_parameters():
            for kind, values in (("", parameter), ("'s gradient", parameter.grad)):
                if values is not None and not torch.isfinite(values).all():
                    raise ValueError(f"{name}{kind} holds NaN or infinity; allowed: finite numbers")
