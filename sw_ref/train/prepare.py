"""Put a method on a model: weights and activations are quantized from here on."""

from collections.abc import Callable, Collection, Iterable, Sequence

from torch import Tensor, nn

from sw_ref.format import StlqFormat
from sw_ref.tiling import Selection
from sw_ref.train.layers import Batch, count_uses, quantizable
from sw_ref.train.methods import Method, find_method
from sw_ref.train.quantization import Quantization

TaskLoss = Callable[[nn.Module], Iterable[Tensor]]
"""Yields the task loss of one batch after the other, for the model that it is given."""


def prepare(
    model: nn.Module,
    *,
    method: str | Method,
    fmt: StlqFormat,
    ratio: float,
    calibration: Sequence[Batch],
    tile: tuple[int, int] = (16, 16),
    granularity: str = "tile",
    activations: str | None = "lsq",
    lambda_v: float = 1e-4,
    task_loss: TaskLoss | None = None,
    skip: Collection[str] = (),
) -> Quantization:
    """Quantize `model` in place by `method`, from its trained float weights; train it further as usual.

    `calibration`: batches of model inputs (a tensor, or a tuple of arguments); the first counts how often each layer
    is used, all of them start the activation steps.  `fmt` gives the bits of weights and activations (`act_signed`
    is found per layer: unsigned where no input is negative).  `ratio`: share of two-word tiles, or of the cycles
    that it stands for.  `activations`: "lsq" (learned step), "pact" (learned clip) or None (float).
    `task_loss`: for methods with budget "cycles".  `skip`: names of layers to leave in float.

    Raises ``ValueError`` with what is wrong, its value and what is allowed; the model is then as it was.
    """
    chosen = find_method(method)
    Selection(ratio=ratio)
    layers = {name: module for name, module in quantizable(model).items() if name not in skip}
    uses = count_uses(model, layers, calibration[0])
    return Quantization(
        model,
        method=chosen,
        fmt=chosen.format(fmt),
        tile=tile,
        granularity=chosen.granularity or granularity,
        lambda_v=lambda_v,
        uses=uses,
    )
