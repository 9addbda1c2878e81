"""A trained network, exported: :class:`Export`, its files, and the golden result of each layer.

Reading an export and computing its golden needs no PyTorch; :func:`sw_ref.train.finalize` makes one.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.integer import conv, conv_transpose, dot
from sw_ref.model import StlqTensor, load_model, save_model
from sw_ref.network import Network, load_network, save_network
from sw_ref.tensorfile import TensorFile, TensorFileError, write_tensors

SCHEMA = "1"
WEIGHTS, NETWORK, INTEGERS = "weights.safetensors", "network.safetensors", "integers.safetensors"
ARRAYS = ("multiplier", "bias", "act_step")
PARAMETER = "parameter:"


@dataclass
class Node:
    """One operation: `name`, its own; `op` (the class of a module, the name of a function).

    `inputs`: names of the nodes whose tensors it takes, "input_0"... are the model's; `options`: its other arguments.
    `module`: which one it is a run of, None for a function.  The first run has the module's name, others "relu:2"...
    """

    name: str
    op: str
    inputs: list[str]
    options: dict[str, Any] = field(default_factory=dict)
    module: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportedLayer:
    """One layer in integers: real output = multiplier * S + bias per output channel, S the golden's sum.

    `kind`: "linear", "conv", "conv_transpose" or "custom"; `options` of convolutions: stride, padding, dilation (one
    per kernel axis), groups, output_padding.  `act_step`, `act_format`: inputs are codes * act_step, the codes in the
    range of act_format.  `multiplier`, `bias`: float64, (O,); the batch norm `norm` is folded into them.
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

    def sums(self, codes: NDArray[Any]) -> NDArray[np.int64]:
        """The golden's sums for a batch of activation codes: (n, ..., I) linear, (n, I, *size) convolutions.

        Raises ``ValueError`` for a user's own module, of which the golden does not know what it computes.
        """
        if self.kind == "linear":
            return dot(self.tensor, codes)
        if self.kind == "conv":
            return conv(self.tensor, codes, **self.options)
        if self.kind == "conv_transpose":
            return conv_transpose(self.tensor, codes, **self.options)
        raise ValueError(f"{self.name} is a module of the user's own; allowed: linear and convolution layers")

    def outputs(self, sums: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sums to real outputs: multiplier * S + bias, along the channel axis."""
        shape = (-1,) if self.kind == "linear" else (-1, *(1,) * (sums.ndim - 2))
        return sums * self.multiplier.reshape(shape) + self.bias.reshape(shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Export:
    """A whole network: its layers in order of execution, and the graph of what happens between them.

    `parameters`: what the nodes of the graph need that are no layers.  Those of a module have its name before theirs
    ("norm.weight"); what a function takes stands among the inputs of its node.  `integers`: the whole network in
    integers; None where there is none, for the reason `refused`.
    """

    layers: dict[str, ExportedLayer]
    graph: list[Node]
    parameters: dict[str, NDArray[Any]] = field(default_factory=dict)
    integers: Network | None = None
    refused: str = ""

    @property
    def tensors(self) -> dict[str, StlqTensor]:
        """The tensors of the quantized model file."""
        return {name: layer.tensor for name, layer in self.layers.items()}

    def save(self, folder: str | Path) -> None:
        """Write `weights.safetensors` (the quantized model file), `network.safetensors`, and `integers.safetensors`.

        The second file holds NAME.multiplier, NAME.bias, NAME.act_step of the layers, "parameter:NAME" of all others.
        Its metadata holds the layers, the graph, why there are no integers, and the SHA-256 of the other files.  The
        third one is the network file of `integers`, if there are any.  Raises ``OSError``.
        """
        keys = ("name", "kind", "options", "norm")
        rows = [
            {key: getattr(layer, key) for key in keys} | {"act_format": layer.act_format.to_dict()}
            for layer in self.layers.values()
        ]
        metadata = {
            "schema": SCHEMA,
            "layers": json.dumps(rows),
            "graph": json.dumps([asdict(node) for node in self.graph]),
            "refused": self.refused,
        }
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        save_model(path / WEIGHTS, self.tensors)
        metadata["weights_sha256"] = _sha256(path / WEIGHTS)
        (path / INTEGERS).unlink(missing_ok=True)
        if self.integers is not None:
            save_network(path / INTEGERS, self.integers)
            metadata["integers_sha256"] = _sha256(path / INTEGERS)
        arrays = {f"{n}.{key}": np.asarray(getattr(x, key)) for n, x in self.layers.items() for key in ARRAYS}
        arrays |= {PARAMETER + name: values for name, values in self.parameters.items()}
        write_tensors(path / NETWORK, arrays, metadata)


def load_export(folder: str | Path) -> Export:
    """Read what :meth:`Export.save` wrote.

    Raises ``ValueError`` for files that are damaged or not of the same export, ``OSError`` if one cannot be read.
    """
    path = Path(folder)
    file, tensors = TensorFile(path / NETWORK), load_model(path / WEIGHTS)
    try:
        rows, graph, digest = (file.metadata[key] for key in ("layers", "graph", "weights_sha256"))
        integers = file.metadata.get("integers_sha256")
        for name, expected in ((WEIGHTS, digest), (INTEGERS, integers)):
            if expected is not None and expected != _sha256(path / name):
                raise TensorFileError(f"{name} is not the one of this export")
        layers = {}
        for row in json.loads(rows):
            name = row["name"]
            values: dict[str, Any] = {key: file.read(f"{name}.{key}") for key in ARRAYS}
            values["act_step"] = float(values["act_step"])
            values["act_format"] = StlqFormat.from_dict(row.pop("act_format"))
            layers[name] = ExportedLayer(**row, **values, tensor=tensors[name])
        names = [name for name in file.entries if name.startswith(PARAMETER)]
        return Export(
            layers=layers,
            graph=[Node(**node) for node in json.loads(graph)],
            parameters={name.removeprefix(PARAMETER): file.read(name) for name in names},
            integers=None if integers is None else load_network(path / INTEGERS),
            refused=file.metadata.get("refused", ""),
        )
    except (KeyError, TypeError) as error:
        raise TensorFileError(f"{NETWORK}: {error} is missing or of the wrong kind") from error


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
