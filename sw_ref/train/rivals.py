"""Other number formats for weights, behind the same interface: uniform levels (LSQ), sums of powers of two (APoT)."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sw_ref.train.straight import LinearSteps

CANDIDATES = 48
"""Clips that are tried at the start, from the largest magnitude down, 1/8 octave apart."""


class Uniform(nn.Module):
    """LSQ: step * clip(round(w / step)), the step (its log2) learned; it starts at the least squared error."""

    def __init__(self, weight: Tensor, bits: int) -> None:
        super().__init__()
        self.limits = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        high = self.limits[1]
        clip = best_clip(weight, lambda w, clip: self._levels(w, (clip / high).log2()))
        self.log_step = nn.Parameter((clip / high).log2())

    def forward(self, weight: Tensor) -> Tensor:
        return self._levels(weight, self.log_step)

    def _levels(self, weight: Tensor, log_step: Tensor) -> Tensor:
        return LinearSteps.apply(weight, log_step, self.limits, False)


class Apot(nn.Module):
    """APoT: the nearest of sums of powers of two, with both signs, times a clip that is learned (its log2).

    3 bits: 0, 1/4, 1/2, 1; 4 bits: sums of one of {0, 1, 1/2, 1/8} and one of {0, 1/4}; 5 bits: of {0, 1, 1/4, 1/16}
    and {0, 1/2, 1/8, 1/32}; divided by the largest sum.  Gradients: to w where it is not clipped; to the clip as LSQ's.
    """

    TERMS: ClassVar = {
        3: ((0, 1, 1 / 2, 1 / 4), (0,)),
        4: ((0, 1, 1 / 2, 1 / 8), (0, 1 / 4)),
        5: ((0, 1, 1 / 4, 1 / 16), (0, 1 / 2, 1 / 8, 1 / 32)),
    }
    levels: Tensor
    edges: Tensor

    def __init__(self, weight: Tensor, bits: int) -> None:
        """Raises ``ValueError`` unless `bits` is 3, 4 or 5."""
        super().__init__()
        if bits not in self.TERMS:
            raise ValueError(f"bits is {bits} for APoT; allowed: 3, 4, 5")
        sums = np.unique(np.add.outer(*self.TERMS[bits]))
        positive = torch.tensor(sums / sums.max(), dtype=torch.float32, device=weight.device)
        self.register_buffer("levels", torch.cat([-positive[1:].flip(0), positive]))
        self.register_buffer("edges", (self.levels[1:] + self.levels[:-1]) / 2)
        self.log_clip = nn.Parameter(best_clip(weight, self._levels).log2())

    def forward(self, weight: Tensor) -> Tensor:
        return self._levels(weight, self.log_clip.exp2())

    def _levels(self, weight: Tensor, clip: Tensor) -> Tensor:
        bounded = (weight / clip).clamp(-1, 1)
        level = self.levels[torch.bucketize(bounded.detach(), self.edges)]
        return (bounded + (level - bounded).detach()) * clip


@torch.no_grad()
def best_clip(weight: Tensor, quantize: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The largest level at which quantized weights have the least squared error; 1 if all weights are 0."""
    peak = weight.detach().abs().max()
    if peak == 0:
        return torch.ones_like(peak)
    clips = [peak * 2.0 ** (-n / 8) for n in range(CANDIDATES)]
    return min(clips, key=lambda clip: float((quantize(weight.detach(), clip) - weight).square().sum()))
