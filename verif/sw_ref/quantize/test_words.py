"""One pass in parts equals the whole at once, also where a block is longer than a part."""

import numpy as np
import pytest

from sw_ref.format import StlqFormat
from sw_ref.quantize.levels import log_dequantize, quantize_words
from sw_ref.quantize.words import PART_ELEMENTS, block_norms, encode
from sw_ref.tiling import GRANULARITIES, Tiling
from verif.sw_ref.distributions import make


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("shape", [(3, 2 * PART_ELEMENTS + 77), (PART_ELEMENTS + 9, 3), (37, 41, 5, 7)])
def test_parts_add_up(shape: tuple[int, ...], granularity: str, literal: bool, per_channel: bool) -> None:
    weight, fmt = make("laplace", shape), StlqFormat(residual_shift=0 if literal else 2)
    outputs = np.linspace(0.5, 5, shape[0], dtype=np.float32)
    scale = outputs if per_channel else np.array(3.3, np.float32)
    spread = scale.reshape(-1, *(1,) * (len(shape) - 1))
    tiling = Tiling.of(shape, (8, 8), granularity)
    word1, word2, energies = encode(weight, scale, fmt, tiling, literal=literal)
    whole = quantize_words(weight, spread, fmt, literal=literal)
    assert (word1 == whole[0]).all()
    assert (word2 == whole[1]).all()
    residual = weight - log_dequantize(word1, spread.astype(np.float64), fmt)
    assert np.allclose(energies, tiling.sums(np.square(residual)), rtol=1e-6)
    norms = block_norms(weight, tiling)
    assert norms.dtype == np.float32
    assert np.allclose(norms, np.sqrt(tiling.sums(np.square(weight.astype(np.float64)))))
