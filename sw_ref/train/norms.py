"""Batch norms that become part of the layer before them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sw_ref.train.graph import Graph
from sw_ref.train.layers import kind

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def foldable_norms(graph: Graph, model: nn.Module, layers: Iterable[str]) -> dict[str, str]:
    """Layer name -> name of the batch norm that alone takes its output, channel by channel; both run once."""
    takers: dict[str, list[str]] = {}
    for node in graph.nodes:
        for source in node.inputs:
            takers.setdefault(source, []).append(node.name)
    modules = dict(model.named_modules())

    def foldable(name: str) -> bool:
        first, *others = takers.get(name, [""])
        # A linear layer's channels are its output's last axis, a batch norm's the second one.
        channels = kind(modules[name]) != "linear" or graph.axes[name] == 2
        alone = not others and name not in graph.returned and graph.runs_once(name) and graph.runs_once(first)
        return isinstance(modules.get(first), NORMS) and channels and alone

    return {name: takers[name][0] for name in layers if foldable(name)}


def problem(name: str, norm: nn.Module) -> str:
    """Why a batch norm cannot become part of a layer; empty if it can."""
    if getattr(norm, "running_mean", None) is None:
        return f"{name} keeps no running statistics; allowed: track_running_stats=True"
    wrong = [key for key, tensor in norm.state_dict().items() if not torch.isfinite(tensor).all()]
    return f"{name}.{wrong[0]} holds NaN or infinity; allowed: finite numbers" if wrong else ""


def gain_and_mean(norm: nn.Module | None, outputs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A batch norm in evaluation is gain * (x - mean) + its bias: both (O,); 1 and 0 without one.

    Raises ``ValueError`` if it keeps no running statistics.
    """
    if norm is None:
        return np.ones(outputs), np.zeros(outputs)
    if getattr(norm, "running_mean", None) is None:
        raise ValueError("a batch norm keeps no running statistics; allowed: track_running_stats=True")
    mean, variance = (values(getattr(norm, name), outputs) for name in ("running_mean", "running_var"))
    weight = np.ones(outputs) if norm.weight is None else values(norm.weight, outputs)
    return weight / np.sqrt(variance + float(norm.eps)), mean  # type: ignore[arg-type]


def values(tensor: Any, outputs: int) -> NDArray[np.float64]:
    """A parameter or buffer, (O,) float64; zeros if there is none."""
    return np.zeros(outputs) if tensor is None else tensor.detach().cpu().numpy().astype(np.float64)
