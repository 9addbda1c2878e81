"""Other number formats for weights, behind the same interface: uniform levels (LSQ), sums of powers of two (APoT)."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sw_ref.train.layers import per_output, to_outputs_first, trainable
from sw_ref.train.straight import LinearSteps, exp2, log2

CANDIDATES = 48
"""Clips that are tried at the start, from the largest magnitude down, 1/8 octave apart."""


class Scaled(nn.Module):
    """Levels times a scale that is learned, one for the layer, (), or one per output channel, (O,), as its log2."""

    def __init__(self, weight: Tensor, *, per_channel: bool, transposed_groups: int) -> None:
        super().__init__()
        self.per_channel, self.transposed_groups = per_channel, transposed_groups
        self.channels = to_outputs_first(weight, transposed_groups).shape[:2]

    def start(self, weight: Tensor, quantize: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """The largest level of least squared error, () or (O,); `quantize` takes rows and a column of such levels."""
        values = to_outputs_first(weight.detach(), self.transposed_groups)
        if not self.per_channel:
            return best_clip(values.reshape(1, -1), quantize)[0]
        rows = values.flatten(1)
        clips = trainable(best_clip(rows, quantize).cpu().numpy(), rows.cpu().numpy())
        return torch.from_numpy(clips).to(weight.device)

    def spread(self, scale: Tensor, weight: Tensor) -> Tensor:
        """The scale, so that it broadcasts against the layer's weight."""
        return per_output(scale, self.channels, weight.ndim, self.transposed_groups)


class Uniform(Scaled):
    """LSQ: step * clip(round(w / step)), the step (its log2) learned; it starts at the least squared error."""

    def __init__(self, weight: Tensor, bits: int, *, per_channel: bool = False, transposed_groups: int = 0) -> None:
        super().__init__(weight, per_channel=per_channel, transposed_groups=transposed_groups)
        self.limits = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        high = self.limits[1]
        clip = self.start(weight, lambda w, clip: self._levels(w, log2(clip / high)))
        self.log_step = nn.Parameter(log2(clip / high))

    def forward(self, weight: Tensor) -> Tensor:
        return self._levels(weight, self.spread(self.log_step, weight))

    def _levels(self, weight: Tensor, log_step: Tensor) -> Tensor:
        return LinearSteps.apply(weight, log_step, self.limits, False)


class Apot(Scaled):
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

    def __init__(self, weight: Tensor, bits: int, *, per_channel: bool = False, transposed_groups: int = 0) -> None:
        """Raises ``ValueError`` unless `bits` is 3, 4 or 5."""
        super().__init__(weight, per_channel=per_channel, transposed_groups=transposed_groups)
        if bits not in self.TERMS:
            raise ValueError(f"bits is {bits} for APoT; allowed: 3, 4, 5")
        sums = np.unique(np.add.outer(*self.TERMS[bits]))
        positive = torch.tensor(sums / sums.max(), dtype=torch.float32, device=weight.device)
        self.register_buffer("levels", torch.cat([-positive[1:].flip(0), positive]))
        self.register_buffer("edges", (self.levels[1:] + self.levels[:-1]) / 2)
        self.log_clip = nn.Parameter(log2(self.start(weight, self._levels)))

    def forward(self, weight: Tensor) -> Tensor:
        return self._levels(weight, self.spread(exp2(self.log_clip), weight))

    def _levels(self, weight: Tensor, clip: Tensor) -> Tensor:
        bounded = (weight / clip).clamp(-1, 1)
        level = self.levels[torch.bucketize(bounded.detach().contiguous(), self.edges)]
        return (bounded + (level - bounded).detach()) * clip


@torch.no_grad()
def best_clip(rows: Tensor, quantize: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """For each row, the largest level at which it, quantized, has the least squared error; 1 if all of it is 0."""
    peaks = rows.abs().amax(1, keepdim=True)
    peaks = torch.where(peaks == 0, 1.0, peaks)
    clips = torch.stack([peaks * 2.0 ** (-n / 8) for n in range(CANDIDATES)])
    # Summed in float64: in float32 the order of a sum, which depends on the layout, would decide between near equals.
    errors = torch.stack([(quantize(rows, clip) - rows).double().square().sum(1, keepdim=True) for clip in clips])
    return clips.gather(0, errors.argmin(0, keepdim=True))[0, :, 0]
