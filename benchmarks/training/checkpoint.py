"""Where training stands, in a file: tensors and JSON in a safetensors container, so that loading runs no code.

A digest over all of it tells a damaged file, the names and shapes of the tensors one of another model.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sw_ref.tensorfile import TensorFile, TensorFileError, write_tensors

SCHEMA = "1"
MODEL, OPTIMIZER = "model.", "optimizer."


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or of something else; the message names the file and what is wrong."""


def save_checkpoint(path: str | Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors by name, and facts that JSON can hold, in their order; the file appears whole or not at all."""
    arrays = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
    text = json.dumps(facts)
    metadata = {"schema": SCHEMA, "facts": text, "sha256": _digest(arrays, text)}
    write_tensors(path, arrays, metadata)


def load_checkpoint(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors (on the CPU) and the facts; :class:`CheckpointError` for a damaged file, ``OSError`` for none."""
    try:
        file = TensorFile(path)
        arrays = {name: file.read(name) for name in file.entries}
    except TensorFileError as error:
        raise CheckpointError(f"{path}: {error}; allowed: an undamaged checkpoint") from error
    schema, text = file.metadata.get("schema"), file.metadata.get("facts", "")
    if schema != SCHEMA:
        raise CheckpointError(f"{path}: schema is {schema!r}; allowed: {SCHEMA!r}")
    if _digest(arrays, text) != file.metadata.get("sha256"):
        raise CheckpointError(f"{path}: the digest does not fit the contents; allowed: an undamaged checkpoint")
    return {name: torch.from_numpy(array) for name, array in arrays.items()}, json.loads(text)


def _digest(arrays: Mapping[str, Any], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def state_of(model: nn.Module, optimizer: Optimizer | None = None) -> dict[str, Tensor]:
    """Everything that a resumed run needs of a model and its optimizer, by name."""
    tensors = {MODEL + name: value for name, value in model.state_dict().items()}
    if optimizer is not None:
        for number, values in optimizer.state_dict()["state"].items():
            tensors |= {f"{OPTIMIZER}{number}.{key}": torch.as_tensor(value) for key, value in values.items()}
    return tensors


def restore_model(model: nn.Module, tensors: Mapping[str, Tensor], path: str | Path) -> None:
    """Give `model` the state of a checkpoint; :class:`CheckpointError` if it is one of another model."""
    saved = {name.removeprefix(MODEL): value for name, value in tensors.items() if name.startswith(MODEL)}
    own = model.state_dict()
    for name in sorted(own.keys() | saved.keys()):
        sides = [f"{tuple(part[name].shape)}" if name in part else "no such tensor" for part in (saved, own)]
        if sides[0] != sides[1]:
            raise CheckpointError(f"{path}: of another model: {name} is {sides[0]}; allowed: {sides[1]}")
    model.load_state_dict(saved)


def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give `optimizer` the state of a checkpoint; its learning rates stay what they are."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(OPTIMIZER):
            number, key = name.removeprefix(OPTIMIZER).split(".")
            state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
