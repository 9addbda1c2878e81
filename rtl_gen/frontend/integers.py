"""The network in integers on real inputs, as its host runs it, and how close it is to the float network."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.frontend.execute import Runner, leave
from rtl_gen.frontend.graph import FloatNetwork
from rtl_gen.frontend.walk import most_held
from sw_ref.activations import dequantize_activations, quantize_activations
from sw_ref.network import Network, execute

AT_A_TIME = 1 << 26
"""Values of all inputs that are run at a time."""


def run_integers(network: Network, runner: Runner, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The outputs as the file has them, (batch, *shape), before the host's part; `runner`: of the float network."""
    codes = {}
    for port in runner.network.inputs:
        info = network.tensors[port.tensor]
        codes[port.tensor] = quantize_activations(runner.feed(port, inputs), info.step, network.format, info.zero)
    made, outputs = execute(network, codes), {}
    for port in runner.network.outputs:
        info = network.tensors[port.tensor]
        real = dequantize_activations(made[port.tensor], info.step, info.zero)
        outputs[port.name] = leave(port, real.astype(np.float32))
    return outputs


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How close both networks are on `count` inputs: relative squared error of all outputs, share of inputs with the
    same class (None: the first output is no vector of scores, or as large as the input), and with labels the share of
    right classes of both.
    """

    count: int
    error: float
    same_class: float | None
    accuracy: tuple[float, float] | None


def classes_of(network: FloatNetwork) -> int:
    """How many classes the first output scores; 0: it is no vector, or as large as the first input."""
    shape, inputs = network.outputs[0].shape, math.prod(network.inputs[0].shape)
    size = math.prod(shape)
    return size if size == max(shape, default=0) > 1 and size != inputs else 0


def compare(
    network: Network, runner: Runner, inputs: Mapping[str, NDArray[Any]], labels: NDArray[Any] | None = None
) -> Agreement:
    """Run both networks, on a few inputs at a time; of scores the largest is the class.

    Raises :class:`UsageError` for an input that makes an output of the float network infinite or undefined.
    """
    count = min(map(len, inputs.values()))
    step = max(AT_A_TIME // most_held(runner.network), 1)
    error = signal = 0.0
    classes: list[NDArray[np.intp]] = []
    for start in range(0, count, step):
        some = {name: array[start : start + step] for name, array in inputs.items()}
        wanted, made = runner.outputs(some), run_integers(network, runner, some)
        _check_finite(wanted, start)
        error += sum(float(np.square(wanted[n] - made[n], dtype=np.float64).sum()) for n in wanted)
        signal += sum(float(np.square(wanted[n], dtype=np.float64).sum()) for n in wanted)
        first = [next(iter(outputs.values())) for outputs in (wanted, made)]
        classes.append(np.array([scores.reshape(len(scores), -1).argmax(axis=1) for scores in first]))
    same = accuracy = None
    if classes_of(runner.network):
        before, after = np.concatenate(classes, axis=1)
        same = float((before == after).mean())
        if labels is not None:
            accuracy = float((before == labels).mean()), float((after == labels).mean())
    return Agreement(
        count=count, error=error / signal if signal else float(error > 0), same_class=same, accuracy=accuracy
    )


def _check_finite(outputs: Mapping[str, NDArray[Any]], start: int) -> None:
    for name, values in outputs.items():
        bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
        if bad.size:
            raise UsageError(
                f"input {start + bad[0]} makes output {name} of the float network infinite or undefined; "
                f"allowed: inputs whose outputs are finite"
            )
