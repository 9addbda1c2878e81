"""What cannot be trained in integers is refused by name, all of it at once."""

import copy
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sw_ref.export import load_export
from sw_ref.train import finalize, prepare, to_integers
from verif.sw_ref.train.nets import FMT, Net, prepared


class Refused(nn.Module):
    """What a network in integers cannot have."""

    def __init__(self) -> None:
        super().__init__()
        self.twice, self.norm = nn.Linear(6, 6), nn.LayerNorm(6)
        self.gain = nn.Parameter(torch.ones(6))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.twice(self.twice(x)))
        a, b = (x * self.gain).chunk(2, 1)
        return (a * b).softmax(1)


def test_all_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    net, inputs = Refused(), torch.rand(3, 6)
    quantization = prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs])
    before = copy.deepcopy(net.state_dict())
    expected = [
        "Linear twice: it runs more than once; needed: a layer for each run",
        "Linear twice:2: it runs more than once; needed: a layer for each run",
        "LayerNorm norm: no operator of the integer network does it",
        "mul mul_3: it takes a constant tensor; needed: a layer that has it as its weight or bias",
        "chunk chunk_4: it gives, or is given, several tensors at once; needed: one",
        "mul mul_5: it gives, or is given, several tensors at once; needed: one",
        "softmax softmax_6: no operator of the integer network does it",
    ]
    with pytest.raises(ValueError, match=f"^{re.escape('; '.join(expected))}$"):
        to_integers(net, quantization, inputs)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    export = finalize(net, quantization, inputs)
    assert (export.integers, export.refused) == (None, "; ".join(expected))
    (tmp_path / "integers.safetensors").write_bytes(b"of an export before")
    export.save(tmp_path)
    assert not (tmp_path / "integers.safetensors").exists()
    assert (load_export(tmp_path).integers, load_export(tmp_path).refused) == (None, export.refused)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: torch.add(x, x, alpha=2), "add add_1: no operator of the integer network makes [4, 6, 1, 10]"),
        (lambda x: x.mean(1, keepdim=True), "mean mean_1: no operator of the integer network makes [4, 1, 1, 10]"),
        (lambda x: functional.interpolate(x, scale_factor=3, mode="linear"), "factor is 3; allowed: 1, 2 or 4"),
        (lambda x: functional.avg_pool1d(x, 3, 1, 1, False, False), "avg_pool1d avg_pool1d_1: no operator of the"),
        (lambda x: x.transpose(1, 2), "transpose transpose_1: no operator of the integer network does it"),
    ],
)
def test_what_only_looks_like_an_operator_is_refused(change: Callable[[Tensor], Tensor], message: str) -> None:
    class Changed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv1d(3, 6, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return change(self.first(x))

    net, inputs = Changed(), torch.randn(4, 3, 10)
    quantization = prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs])
    with pytest.raises(ValueError, match=re.escape(message)):
        to_integers(net, quantization, inputs)


def test_v_above_0_and_own_layers_are_refused() -> None:
    net, quantization = prepared()
    inputs = torch.rand(2, 3, 8, 8)
    with pytest.raises(ValueError, match=r"^stem: v is not 0; allowed: 0 \(step to the end\); depthwise: v is not 0"):
        to_integers(net, quantization, inputs)
    quantization.step(1.0)
    with pytest.raises(ValueError, match=r"^own: it computes something of its own; needed: a linear or a convolution"):
        to_integers(net, quantization, inputs)
    assert isinstance(net, Net)
