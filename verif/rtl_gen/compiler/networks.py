"""Small random networks in integers that the engine runs so far."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from sw_ref.model import StlqTensor
from sw_ref.network import Conv, Network, Node, Requantizer, TensorInfo
from sw_ref.network.multiplier import ADD_MULTIPLIERS, MULTIPLIERS


def random_network(config: EngineConfig, rng: np.random.Generator) -> Network:
    """Three convolutions: padded; 1 x 1 with an addition; strided, dilated and unevenly padded."""
    layers = (
        ("a", (9, 5, 3, 3), Conv(padding=(1, 1, 1, 1)), False),
        ("b", (9, 9, 1, 1), Conv(), True),
        ("c", (6, 9, 3, 2), Conv(stride=(2, 1), padding=(2, 1, 0, 1), dilation=(1, 2)), False),
    )
    return _network(config, rng, (5, 6, 7), layers)


def pointwise_network(
    config: EngineConfig, rng: np.random.Generator, groups: int = 5, size: tuple[int, int] = (6, 7)
) -> Network:
    """A 1 x 1 convolution whose groups have one tile each."""
    pe, lanes = config.array.tile
    return _network(config, rng, (lanes, *size), (("a", (groups * pe, lanes, 1, 1), Conv(), False),))


def depthwise_network(config: EngineConfig, rng: np.random.Generator) -> Network:
    """Depthwise layers: padded, with an addition; with stride 2, unevenly padded; strides that differ; their sums."""
    layers = (
        ("a", (9, 5, 1, 1), Conv(), False),
        ("b", (9, 1, 3, 3), Conv(padding=(1, 1, 1, 1), groups=9), True),
        ("c", (9, 1, 3, 3), Conv(stride=(2, 2), padding=(2, 1, 1, 2), groups=9), False),
        ("d", (9, 1, 3, 3), Conv(stride=(2, 1), padding=(0, 1, 0, 0), groups=9), False),
        ("e", (6, 9, 1, 1), Conv(), False),
    )
    return _network(config, rng, (5, 9, 10), layers)


def convolution_network(
    config: EngineConfig, rng: np.random.Generator, shape: tuple[int, int, int], weights: tuple[int, ...], options: Conv
) -> Network:
    """One convolution of an input of a shape, with weights of a shape."""
    return _network(config, rng, shape, (("a", weights, options, False),))


def _network(
    config: EngineConfig,
    rng: np.random.Generator,
    shape_in: tuple[int, int, int],
    layers: Sequence[tuple[str, tuple[int, ...], Conv, bool]],
) -> Network:
    """Convolutions one after the other: name, shape of the weights, options, whether the input is added."""
    tensors = {"in": TensorInfo(shape=shape_in, step=1.0, zero=int(rng.integers(256)))}
    nodes: list[Node] = []
    source = "in"
    for name, shape, options, add in layers:
        inputs = (source, source) if add else (source,)
        output = options.output_shape([tensors[source].shape], shape)
        tensors[name] = TensorInfo(shape=output, step=1.0, zero=int(rng.integers(256)))
        weights = random_weights(config, shape, rng)
        nodes.append(
            Node(
                name=f"conv_{name}",
                inputs=inputs,
                output=name,
                options=options,
                weights=weights,
                requantizer=random_requantizer(shape[0], int(np.prod(shape[1:])), rng, add=add),
            )
        )
        source = name
    return Network(
        format=config.array.format,
        tile=config.array.tile,
        tensors=tensors,
        nodes=tuple(nodes),
        inputs=("in",),
        outputs=(source,),
    )


def random_weights(config: EngineConfig, shape: tuple[int, ...], rng: np.random.Generator) -> StlqTensor:
    """Any codes, three tiles in ten with two words."""
    pe, lanes = config.array.tile
    fmt = config.array.format
    grid = (-(-shape[0] // pe), -(-shape[1] // lanes), *shape[2:])
    two_word = (rng.random(grid) < 0.3).astype(np.uint8)
    spread = np.repeat(np.repeat(two_word, pe, 0), lanes, 1)[: shape[0], : shape[1]]

    def codes() -> NDArray[np.int64]:
        return rng.integers(fmt.codes[0], fmt.codes[-1] + 1, shape)

    return StlqTensor(
        word1=codes().astype(np.int8),
        word2=(codes() * spread).astype(np.int8),
        two_word=two_word,
        scale=np.ones((), np.float32),
        format=fmt,
        tile=config.array.tile,
    )


def random_requantizer(channels: int, inputs: int, rng: np.random.Generator, *, add: bool) -> Requantizer:
    """Any multipliers, with shifts that leave most codes inside the limits."""
    multiplier = rng.choice(MULTIPLIERS, channels).astype(np.int32)
    spread = np.abs(multiplier) * 20.0 * np.sqrt(inputs) + 1
    shift = np.maximum(np.log2(spread) + rng.integers(-1, 2, channels), 0).astype(np.uint8)
    wanted = rng.normal(size=channels) * 2.0 ** shift.astype(float)
    nearest = [min(ADD_MULTIPLIERS, key=lambda value, w=w: abs(value - w)) for w in wanted]
    return Requantizer(
        bias=rng.integers(-20000, 20000, channels),
        multiplier=multiplier,
        shift=shift,
        add_multiplier=np.array(nearest, np.int32) if add else None,
        low=int(rng.integers(30)),
        high=int(rng.integers(200, 256)),
    )
