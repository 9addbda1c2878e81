"""Random quantized tensors: every code, every flag, consistent."""

import numpy as np

from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.tiling import Tiling


def random_tensor(
    fmt: StlqFormat, shape: tuple[int, ...], seed: int, tile: tuple[int, int] = (4, 3), ratio: float = 0.5
) -> StlqTensor:
    """Uniformly random codes; each tile has two words with probability `ratio`."""
    rng = np.random.default_rng(seed)
    tiling = Tiling.of(shape, tile)
    flags = rng.random(tiling.grid) < ratio
    codes = rng.integers(-fmt.levels, fmt.levels, (2, *shape)).astype(np.int8)
    return StlqTensor(
        word1=codes[0],
        word2=codes[1] * tiling.expand(flags),
        two_word=flags.astype(np.uint8),
        scale=np.array(0.37, np.float32),
        format=fmt,
        tile=tile,
    )
