"""Where numbers stop being finite."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def find_bad(model: nn.Module, inputs: Tensor) -> str:
    """The first parameter, or else the first layer's output for `inputs`, that is not finite: a sentence."""
    for name, value in model.named_parameters():
        if not torch.isfinite(value).all():
            return f"{name} is not finite"
    found: list[str] = []

    def look(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            if not found and isinstance(output, Tensor) and not torch.isfinite(output).all():
                found.append(name)

        return hook

    # The hooks of inner modules run before those of the modules that hold them.
    hooks = [module.register_forward_hook(look(name or "the model")) for name, module in model.named_modules()]
    with torch.no_grad():
        model(inputs)
    for hook in hooks:
        hook.remove()
    return f"the output of {found[0]} is not finite" if found else "the output of every layer is finite"
