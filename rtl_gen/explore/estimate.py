"""Estimates of LUTs and MHz, fitted on the engines that were synthesized and placed so far."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig

UNKNOWN_MHZ = 100.0
"""The clock of everything as long as nothing was placed."""
LUTS_FIRM, MHZ_FIRM = 0.003, 0.3
"""How firmly the weights of each estimate stay at those that were assumed, per engine that would change them."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """An engine, its LUTs, and its clock if it was placed."""

    config: EngineConfig
    luts: float
    mhz: float | None = None


class Estimator:
    """Least squares over the engines that are known, held near what their structure suggests: few are enough.

    LUTs are a sum over the engine's parts, each a guess that gets a weight.  The logarithm of MHz is linear in what
    makes long paths.
    """

    def __init__(self, known: Sequence[Measured]) -> None:
        parts = np.array([_parts(one.config) for one in known]).reshape(len(known), len(_parts(EngineConfig())))
        luts = np.array([one.luts for one in known])
        scale = float(np.median(luts / parts.sum(axis=1))) if known else 1.0
        relative = parts * scale / luts[:, None]
        self._luts = scale * (1 + _ridge(relative, 1 - relative.sum(axis=1), LUTS_FIRM))
        placed = [(one.config, math.log(one.mhz)) for one in known if one.mhz]
        self._log_mhz = float(np.median([mhz for _, mhz in placed])) if placed else math.log(UNKNOWN_MHZ)
        paths = np.array([_paths(config) for config, _ in placed]).reshape(len(placed), len(_paths(EngineConfig())))
        self._paths = _ridge(paths, np.array([mhz - self._log_mhz for _, mhz in placed]), MHZ_FIRM)

    def luts(self, config: EngineConfig) -> int:
        return max(round(float(_parts(config) @ self._luts)), 1)

    def mhz(self, config: EngineConfig) -> float:
        return round(math.exp(self._log_mhz + float(_paths(config) @ self._paths)), 1)


def _ridge(rows: NDArray[np.float64], wanted: NDArray[np.float64], firm: float) -> NDArray[Any]:
    """The weights with the least squared error plus `firm` times their squares; zeros where there are no rows."""
    return np.linalg.solve(rows.T @ rows + firm * np.eye(rows.shape[1]), rows.T @ wanted)


def _parts(config: EngineConfig) -> NDArray[np.float64]:
    """Guesses at the LUTs of the parts of an engine."""
    array, fmt = config.array, config.array.format
    lanes = array.pe * array.lanes
    return np.array(
        [
            1000.0,  # sequencer, loader, ports
            0.6 * lanes * fmt.act_bits * fmt.bits,  # shifts, the more the more bits select them
            0.6 * lanes * fmt.levels * fmt.bits,
            1.0 * lanes * (fmt.act_bits + fmt.levels),  # additions of products
            3.0 * array.pe * array.acc_bits,  # accumulators
            3.0 * array.buffered * array.pe * array.acc_bits,  # the second ones
            8.0 * config.requant_lanes * config.product_bits,  # multiplications by shifts, and the last shift
            8.0 * config.word_bits,  # codes to their places in words
            2.0 * array.pe * array.acc_bits * (config.requant_lanes < array.pe),  # sums to the requantizer's lanes
            2.5 * array.pe * fmt.act_bits * config.depthwise,  # two lanes of each PE take the window's activations
        ]
    )


def _paths(config: EngineConfig) -> NDArray[np.float64]:
    """What makes an engine slower than the usual one, or faster."""
    array = config.array
    return np.array(
        [
            math.log2(array.pe / 8),
            math.log2(array.acc_bits / 24),
            math.log2(config.requant_lanes / 4),
            float(array.buffered),
            float(config.memory_ports == 1),
        ]
    )
