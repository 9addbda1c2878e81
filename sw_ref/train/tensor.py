"""The words of a trained layer: :func:`to_tensor`."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.quantize.levels import quantize_words
from sw_ref.tiling import Tiling
from sw_ref.train.layers import groups_of, to_outputs_first
from sw_ref.train.weights import Words


def to_tensor(name: str, layer: nn.Module, quantizer: Words, fmt: StlqFormat, tile: tuple[int, int]) -> StlqTensor:
    """The words of a layer, checked against the weight that it trained with."""
    if quantizer.v is not None and torch.count_nonzero(quantizer.v):
        left = int(torch.count_nonzero(quantizer.v))
        raise ValueError(f"{name}: v is not 0 in {left} of {quantizer.v.numel()} blocks; allowed: 0 (step to the end)")
    original: Tensor = layer.parametrizations["weight"].original  # type: ignore[index, union-attr]
    values, trained = (_outputs_first(w, quantizer) for w in (original, layer.weight))  # type: ignore[arg-type]
    blocks, scale = quantizer.tiling, quantizer.scale.cpu().numpy()
    mask = blocks.expand(quantizer.selection.cpu().numpy())
    unit = scale.reshape(-1, *(1,) * (values.ndim - 1)) if scale.ndim else scale
    word1, word2 = quantize_words(values, unit, fmt, mask, literal=quantizer.method.literal)
    tiles = Tiling.of(values.shape, tile)
    tensor = StlqTensor(
        word1=word1,
        word2=word2,
        two_word=tiles.any(mask).astype(np.uint8),
        scale=scale,
        format=fmt,
        tile=tile,
        granularity=quantizer.granularity,
        groups=groups_of(layer),
    )
    if not np.array_equal(tensor.dequantize(), trained):
        raise ValueError(f"{name}: its words do not stand for the weights that it trained with")
    return tensor


def _outputs_first(weight: Tensor, quantizer: Words) -> NDArray[np.float32]:
    return np.ascontiguousarray(to_outputs_first(weight.detach(), quantizer.transposed_groups).cpu().numpy())
