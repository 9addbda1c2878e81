"""The golden execution of whole networks: every tensor, exact."""

import math
import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sw_ref.network.network import Network, Node
from sw_ref.network.operator import Arithmetic, Movement
from sw_ref.network.requantizer import code_dtype

CHUNK = 1 << 18  # codes of the largest tensor that are computed at a time


def execute(
    network: Network, inputs: Mapping[str, NDArray[Any]], keep: Collection[str] | None = None
) -> dict[str, NDArray[Any]]:
    """Codes of the outputs, or of the tensors named in `keep`: uint8 (uint16 above 8 bits), (n, C, H, W).

    `inputs`: integer codes of every input, (n, C, H, W) with the same n.  `keep=network.tensors` gives every tensor.

    Raises ``ValueError`` for inputs that are missing, unknown, no integers, out of range or of another shape, and for
    a name in `keep` that is no tensor.
    """
    codes = _check_inputs(network, inputs)
    kept = list(network.outputs if keep is None else keep)
    count = len(codes[network.inputs[0]])
    dtype = code_dtype(network.format.act_bits)
    result = {name: np.empty((count, *network.info(name).shape), dtype) for name in kept}
    weights = [node.integers() for node in network.nodes]
    step = max(CHUNK // max(math.prod(info.shape) for info in network.tensors.values()), 1)
    parts = [slice(start, start + step) for start in range(0, count, step)]
    # The images are shared out among the cores; threads inside a matrix product would only wait for each other.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda part: _execute_part(network, weights, codes, result, part), parts))
    return result


def _execute_part(
    network: Network,
    weights: Sequence[NDArray[np.int32]],
    codes: Mapping[str, NDArray[Any]],
    result: Mapping[str, NDArray[Any]],
    part: slice,
) -> None:
    """Run some of the images; a tensor is dropped when its last reader is done."""
    live = {name: array[part] for name, array in codes.items()}
    for name in result.keys() & live.keys():
        result[name][part] = live[name]
    last = {name: index for index, node in enumerate(network.nodes) for name in node.inputs}
    for index, node in enumerate(network.nodes):
        live[node.output] = run_node(network, node, [live[name] for name in node.inputs], weights[index])
        if node.output in result:
            result[node.output][part] = live[node.output]
        for name in {*node.inputs, node.output}:
            if last.get(name, index) == index:
                del live[name]


def run_node(network: Network, node: Node, acts: list[NDArray[Any]], weights: NDArray[np.int32]) -> NDArray[Any]:
    """The output's codes (n, C, H, W) from those of the inputs, in the same type; `weights`: the node's integers."""
    options = node.options
    infos = [network.tensors[name] for name in node.inputs]
    if isinstance(options, Movement):
        return options.move(acts, infos[0].zero)
    assert isinstance(options, Arithmetic)  # these two hold for every node of a network
    assert node.requantizer is not None
    added = acts[1].astype(np.int64) - infos[1].zero if len(acts) == 2 else None
    made = node.requantizer.apply(
        options.sums(acts[0], weights, infos[0].zero),
        network.tensors[node.output].zero,
        added,
        options.rows(infos[0].shape),
    )
    return made.astype(acts[0].dtype)


def _check_inputs(network: Network, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    if set(inputs) != set(network.inputs):
        raise ValueError(f"inputs are {sorted(inputs)}; allowed: exactly {sorted(network.inputs)}")
    codes = {name: np.asarray(array) for name, array in inputs.items()}
    counts = {array.shape[:1] for array in codes.values()}
    for name, array in codes.items():
        shape = network.tensors[name].shape
        if array.shape[1:] != shape or len(counts) > 1:
            sizes = ", ".join(map(str, shape))
            raise ValueError(f"input {name} has shape {array.shape}; allowed: (n, {sizes}), n the same for all")
        if array.dtype.kind not in "iu":
            raise ValueError(f"input {name} is {array.dtype}; allowed: integers")
        for extreme in (array.min(), array.max()) if array.size else ():
            if not 0 <= extreme <= network.format.act_max:
                raise ValueError(f"input {name} holds {extreme}; allowed: 0 to {network.format.act_max}")
    dtype = code_dtype(network.format.act_bits)
    return {name: array.astype(dtype) for name, array in codes.items()}
