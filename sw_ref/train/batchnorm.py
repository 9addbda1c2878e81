"""Batch norm's running statistics for the weights that training ended with."""

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm  # the only common base class of all batch norms

from sw_ref.train.layers import Batch, call, evaluating


@torch.no_grad()
def settle_batch_norm(model: nn.Module, batches: Iterable[Batch]) -> None:
    """Take the running statistics of all batch norms anew: the mean over `batches` of each one's mean and variance.

    Running statistics lag behind the weights.  Quantized weights move in jumps, and where a channel's variance is
    small, evaluation then divides by another one than training did.  Weights, the model's mode and momenta stay as
    they are; a model without batch norm is not run at all.  Raises ``ValueError`` if there is no batch.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    count = 0
    with evaluating(model):
        for norm in norms:
            norm.train()
            norm.reset_running_stats()
            norm.momentum = None  # PyTorch's name for a plain mean
        try:
            for batch in batches:
                call(model, batch)
                count += 1
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
    if count == 0:
        raise ValueError("there are no batches for batch norm; allowed: one or more")
