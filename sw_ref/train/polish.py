"""Words of a trained layer that suit its scales after these have moved: :func:`polished`."""

import math

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.network import Conv, Linear
from sw_ref.network.operator import Operator
from sw_ref.quantize.compensate import Spread, polish
from sw_ref.quantize.moments import chosen_places, columns

PLACES = 1 << 14
"""Most outputs whose inputs say how errors spread."""
PASSES = 2


def polished(
    options: Operator,
    words: NDArray[np.float64],
    target: NDArray[np.float64],
    two_word: NDArray[np.bool_],
    inputs: NDArray[np.float32],
    fmt: StlqFormat,
) -> NDArray[np.float64]:
    """Integer weights (O, I, *kernel) near `words` whose outputs are nearer to those of the real weights `target`.

    Single words move where that helps, for `inputs` (n, C, H, W); the mean is left to the bias.  A transposed
    convolution stays as it is.
    """
    if not isinstance(options, (Conv, Linear)):
        return words
    conv = options if isinstance(options, Conv) else Conv()
    groups, kernel = conv.groups, (1, 1, *words.shape[2:])[-2:]
    windows = conv.windows(inputs.shape[1:], (*words.shape[:2], *kernel))  # type: ignore[arg-type]
    places = chosen_places(len(inputs) * math.prod(window.outputs for window in windows), PLACES)
    seen = columns(inputs, windows, groups, places).astype(np.float64)
    seen -= seen.mean(axis=1, keepdims=True)
    spread = Spread.of(seen.transpose(0, 2, 1) @ seen / seen.shape[1])
    rows = (groups, len(words) // groups, -1)
    made = words.reshape(rows)
    for _ in range(PASSES):
        made = polish(target.reshape(rows), np.ones(made.shape[:2]), two_word.reshape(rows), made, spread, fmt)
    return made.reshape(words.shape)
