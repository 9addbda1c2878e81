"""Networks of one node, for tests of single operators."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.network import Network, Node, Requantizer, TensorInfo, execute
from sw_ref.network.operator import Arithmetic, Movement, Operator
from sw_ref.tiling import Tiling

FORMAT = StlqFormat(act_signed=False, residual_shift=0)  # weights 1 to 10, 12 and 16
TILE = (2, 2)


def tensor_of(integers: ArrayLike, fmt: StlqFormat = FORMAT) -> StlqTensor:
    """The quantized tensor whose integer weights W are exactly those; ``KeyError`` if one is no weight."""
    pairs = {fmt.weight(a, b): (a, b) for a in fmt.codes for b in sorted(fmt.codes, key=abs, reverse=True)}
    words = np.array([pairs[int(w)] for w in np.ravel(integers)], np.int8).reshape(*np.shape(integers), 2)
    word1, word2 = words[..., 0], words[..., 1]
    two_word = Tiling.of(word1.shape, TILE).any(word2 != 0).astype(np.uint8)
    scale = np.array(1, np.float32)
    return StlqTensor(word1=word1, word2=word2, two_word=two_word, scale=scale, format=fmt, tile=TILE)


def requantizer(channels: int = 1, **parts: Any) -> Requantizer:
    """Parameters that leave S as it is, but for `parts`: numbers for all channels, or lists."""
    arrays: dict[str, Any] = {"bias": 0, "multiplier": 1, "shift": 0, **parts}
    for part, dtype in {
        "bias": np.int64,
        "multiplier": np.int32,
        "shift": np.uint8,
        "add_multiplier": np.int32,
    }.items():
        if arrays.get(part) is not None:
            array = np.array(arrays[part], dtype)
            arrays[part] = np.full(channels, array) if array.ndim == 0 else array
    return Requantizer(**{"high": FORMAT.act_max, **arrays})


def network_of(
    options: Operator,
    shapes: Sequence[tuple[int, int, int]],
    *,
    zeros: Sequence[int] = (0, 0),
    zero_out: int = 0,
    weights: ArrayLike | None = None,
    parts: Requantizer | None = None,
    fmt: StlqFormat = FORMAT,
) -> Network:
    """One node on inputs x0, x1, ... of those shapes and zero points; its output is y."""
    tensor = None if weights is None else tensor_of(weights, fmt)
    made = options.output_shape(shapes, tensor.shape if tensor else ())
    infos = {f"x{i}": TensorInfo(shape=shape, step=0.5, zero=zeros[i]) for i, shape in enumerate(shapes)}
    moves = isinstance(options, Movement)
    infos["y"] = TensorInfo(shape=made, step=0.5, zero=zeros[0] if moves else zero_out)
    if parts is None and isinstance(options, Arithmetic):
        parts = requantizer(made[0], add_multiplier=1 if len(shapes) == 2 else None)
    inputs = tuple(list(infos)[:-1])
    node = Node(name="node", inputs=inputs, output="y", options=options, weights=tensor, requantizer=parts)
    return Network(format=fmt, tile=TILE, tensors=infos, nodes=(node,), inputs=inputs, outputs=("y",))


def run(network: Network, *acts: ArrayLike) -> list[Any]:
    """The output's codes for one image."""
    inputs: dict[str, NDArray[Any]] = {f"x{i}": np.array([codes]) for i, codes in enumerate(acts)}
    return execute(network, inputs)["y"][0].tolist()


def run_operator(options: Operator, *acts: ArrayLike, **settings: Any) -> list[Any]:
    """The same for an operator."""
    shapes: list[Any] = [np.shape(codes) for codes in acts]
    return run(network_of(options, shapes, **settings), *acts)
