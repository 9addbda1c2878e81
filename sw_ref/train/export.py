"""From a trained model to what the hardware reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.train.layers import Batch
from sw_ref.train.quantization import Quantization


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportedLayer:
    """One layer as integers: real output = multiplier * S + bias per output channel, S the golden's sum.

    `kind`: "linear", "conv", "conv_transpose" or "custom"; `options`: stride, padding, dilation, groups (and
    output_padding).  `act_step`, `act_format`: input activations are codes * act_step.  `multiplier`, `bias`: float64,
    (O,); a batch norm that follows is folded into them, and named in `norm`.
    """

    name: str
    kind: str
    options: dict[str, Any]
    tensor: StlqTensor
    act_step: float
    act_format: StlqFormat
    multiplier: NDArray[np.float64]
    bias: NDArray[np.float64]
    norm: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Export:
    """A whole network: the layers in order of execution, and the graph of what happens between them."""

    layers: dict[str, ExportedLayer]
    graph: list[dict[str, Any]]

    @property
    def tensors(self) -> dict[str, StlqTensor]:
        """What :func:`sw_ref.model.save_model` writes."""
        return {name: layer.tensor for name, layer in self.layers.items()}

    def save(self, folder: str | Path) -> None:
        """Write `weights.safetensors` (the quantized model file) and `network.safetensors` (all the rest)."""
        raise NotImplementedError


def finalize(model: nn.Module, quantization: Quantization, example: Batch) -> Export:
    """Words, flags, scales, activation steps, biases and graph of a trained model; the model stays as it is.

    `example`: one batch of model inputs, to see the order in which the layers run.
    Raises ``ValueError`` if v is not 0 everywhere, or the method does not make words or activations are float.
    """
    raise NotImplementedError
