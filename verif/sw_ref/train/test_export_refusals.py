"""What cannot be exported is refused by name: before training, or by finalize."""

import copy
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sw_ref.train import finalize, prepare
from verif.sw_ref.train.nets import FMT, images, make, prepared, train


def test_v_above_0_is_refused() -> None:
    net, quantization = prepared()
    train(net, quantization, steps=2)
    with pytest.raises(ValueError, match=r"stem: v is not 0 in \d+ of \d+ blocks; allowed: 0 \(step to the end\)"):
        finalize(net, quantization, images()[0])
    quantization.step(1.0)
    finalize(net, quantization, images()[0])


def test_words_that_are_not_the_trained_weights_are_refused() -> None:
    net, quantization = prepared("no-v")
    _, words = next(quantization.words())
    words.scale *= 2  # its words are found by what was made of the scale before
    with pytest.raises(ValueError, match=r"^stem: its words do not stand for the weights that it trained with$"):
        finalize(net, quantization, images()[0])


@pytest.mark.parametrize("method", ["float", "lsq3", "lsq4", "apot3"])
def test_methods_without_words_are_refused(method: str) -> None:
    net, quantization = prepared(method)
    with pytest.raises(ValueError, match=rf"method is {method}; allowed: one whose weights are words"):
        finalize(net, quantization, images()[0])


def test_float_activations_are_refused() -> None:
    net, quantization = prepared("no-v", activations=None)
    with pytest.raises(ValueError, match=r"stem: its activations are float; allowed: a model prepared with activ"):
        finalize(net, quantization, images()[0])


@pytest.mark.parametrize("options", [{"args": [[5, 5]]}, {"output_size": [5, 5]}])
def test_a_layer_called_with_more_than_its_input_is_refused(options: dict[str, Any]) -> None:
    class Sized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)

        def forward(self, x: Tensor) -> Tensor:
            return self.up(x, *options.get("args", []), **{k: v for k, v in options.items() if k != "args"})

    net, inputs = Sized(), torch.rand(2, 4, 2, 2)
    line = f"up is called with {options}; allowed: its input alone, the rest in the layer"
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        prepare(net, method="stlq", fmt=FMT, ratio=0.5, calibration=[inputs])
    # What cannot be exported can be compared with: by methods that export nothing, and with float activations.
    prepare(copy.deepcopy(net), method="lsq3", fmt=FMT, ratio=0.5, calibration=[inputs])
    quantization = prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs], activations=None)
    assert list(quantization.layers) == ["up"]


def test_all_that_cannot_be_exported_is_refused_at_once_before_training() -> None:
    net = make()
    net.depthwise.padding_mode = net.stem.padding_mode = "reflect"
    net.norm = nn.BatchNorm2d(20, track_running_stats=False)
    before = copy.deepcopy(net)
    expected = [
        "stem: padding_mode is 'reflect'; allowed: 'zeros'",
        "depthwise: padding_mode is 'reflect'; allowed: 'zeros'",
        "norm keeps no running statistics; allowed: track_running_stats=True",
    ]
    with pytest.raises(ValueError, match=f"^{re.escape('; '.join(expected))}$"):
        prepared("stlq", net)
    assert all(torch.equal(value, before.state_dict()[key]) for key, value in net.state_dict().items())


def test_what_changes_after_prepare_is_refused_by_finalize() -> None:
    net, quantization = prepared("no-v")
    net.depthwise.padding_mode = "reflect"
    with pytest.raises(ValueError, match=r"^depthwise: padding_mode is 'reflect'; allowed: 'zeros'$"):
        finalize(net, quantization, images()[0])
