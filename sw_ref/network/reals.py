"""Real numbers in and out of a network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sw_ref.activations import dequantize_activations, quantize_activations
from sw_ref.network.network import Network
from sw_ref.network.requantizer import code_dtype


def quantize(network: Network, reals: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    """Codes of real tensors, by name: uint8 (uint16 above 8 bits), each of its array's shape.

    Raises ``ValueError`` for a name that is no tensor, or values that are not finite.
    """
    dtype = code_dtype(network.format.act_bits)
    codes = {}
    for name, values in reals.items():
        info = network.info(name)
        codes[name] = quantize_activations(values, info.step, network.format, info.zero).astype(dtype)
    return codes


def dequantize(network: Network, codes: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """The real values of tensors' codes, by name.  Raises ``ValueError`` for a name that is no tensor."""
    infos = {name: network.info(name) for name in codes}
    return {name: dequantize_activations(codes[name], info.step, info.zero) for name, info in infos.items()}
