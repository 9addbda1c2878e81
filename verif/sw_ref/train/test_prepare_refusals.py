"""Models and options that cannot be prepared are refused by name, and the model stays as it was."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from sw_ref.train import finalize, prepare
from verif.sw_ref.train.nets import FMT, images, make, prepared
from verif.sw_ref.train.test_prepare import Mixed, same

BAD: list[tuple[dict[str, Any], str]] = [
    ({"method": "best"}, "method is 'best'; allowed: two-word, stlq"),
    ({"ratio": 1.5}, "ratio is 1.5; allowed: a number from 0 to 1"),
    ({"ratio": float("nan")}, "ratio is nan; allowed: a number from 0 to 1"),
    ({"tile": (0, 8)}, r"tile is \(0, 8\); allowed: two whole numbers, 1 or more"),
    ({"granularity": "row"}, "granularity is 'row'; allowed: element, filter, tile, layer"),
    ({"activations": "log"}, "activations is 'log'; allowed: lsq, pact, None"),
    ({"lambda_v": -1}, "lambda_v is -1; allowed: a finite number, 0 or more"),
    ({"lambda_v": "1"}, "lambda_v is '1'; allowed: a finite number, 0 or more"),
    ({"fmt": {"bits": 3}}, r"fmt is {'bits': 3}; allowed: a StlqFormat"),
    ({"skip": "head"}, "skip is 'head'; allowed: a list of names"),
    ({"skip": None}, "skip is None; allowed: a list of names"),
    ({"skip": [""]}, "the model has no weights to quantize; allowed: one layer or more"),
    ({"method": "stlq-cycles", "task_loss": 3}, "task_loss is 3; allowed for method stlq-cycles: a function"),
    ({"method": "stlq-cycles", "task_loss": lambda m: m(images()[0]).sum()}, "task_loss returns a Tensor; allowed"),
    ({"method": "stlq-cycles", "task_loss": lambda m: [0.5]}, "task_loss yields a float; allowed: tensors of one"),
    ({"method": "stlq-cycles", "task_loss": lambda m: [torch.ones(2)]}, r"task_loss yields a tensor \(2,\); allowed: "),
    ({"calibration": torch.ones(2, 3)}, "calibration is a Tensor; allowed: a list of batches, each a tensor"),
    ({"calibration": iter([])}, "calibration is a list_iterator; allowed: a list of batches"),
    ({"calibration": [{"x": torch.ones(2, 3)}]}, "calibration holds dict; allowed: a list of batches"),
    ({"calibration": []}, "there are no calibration batches; allowed: one or more"),
    ({"skip": ["none"]}, "skip holds 'none'; allowed: names of the model's modules"),
    ({"method": "stlq-cycles", "task_loss": None}, "task_loss is None; allowed for method stlq-cycles"),
    ({"method": "stlq-cycles", "task_loss": lambda m: []}, "task_loss yields nothing; allowed: one loss or more"),
    (
        {"method": "stlq-cycles", "task_loss": lambda m: [m(images()[0]).sum() * torch.nan]},
        "task_loss is nan; allowed: finite numbers",
    ),
]  # fmt: skip


def test_all_bad_layers_and_names_are_refused_at_once() -> None:
    net, options = Mixed(), {"method": "no-v", "fmt": FMT, "ratio": 0.5, "calibration": [torch.rand(2, 4, 6)]}
    net.extra = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"^attention.out_proj does not run .*; extra does not run") as error:
        prepare(net, **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    net.heading.double()
    with torch.no_grad():
        net.head[0].weight[0, 0] = torch.nan  # type: ignore[operator, index]
    said = "skip holds 'none'; .*; head.0.weight holds NaN or infinity; .*; heading.weight is torch.float64; "
    with pytest.raises(ValueError, match=f"^{said}"):
        prepare(net, skip=["none"], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    net = make()
    before = copy.deepcopy(net)
    with pytest.raises(ValueError, match=message) as error:
        prepared(options.pop("method", "stlq"), net, **options)
    assert "\n" not in str(error.value)
    assert same(net, before)
    net(images()[0])


def test_nothing_is_half_prepared() -> None:
    """The last layer's inputs overflow: the first ones must not have been quantized by then."""
    first = nn.Linear(3, 4)
    with torch.no_grad():
        first.weight.fill_(3e38)
    net = nn.Sequential(first, nn.Linear(4, 2))
    before = copy.deepcopy(net)
    with pytest.raises(ValueError, match=r"; allowed: "):
        prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[torch.ones(2, 3)])
    assert same(net, before)
    assert not any(map(parametrize.is_parametrized, net.modules()))


def test_sensitivity_needs_gradients() -> None:
    options: dict[str, Any] = {"method": "stlq-cycles", "fmt": FMT, "ratio": 0.5, "calibration": [torch.ones(2, 3)]}
    first, last = nn.Linear(3, 4), nn.Linear(4, 2)
    net = nn.Sequential(first, last)
    with pytest.raises(ValueError, match=r"^1 is not in task_loss; allowed: layers that are, or those in skip"):
        prepare(net, task_loss=lambda _: [first(torch.ones(2, 3)).sum()], **options)
    last.weight.requires_grad_(False)
    with pytest.raises(ValueError, match=r"^1.weight is frozen; allowed for budget 'cycles': requires_grad"):
        prepare(net, task_loss=lambda m: [m(torch.ones(2, 3)).sum()], **options)


def bad_models() -> list[tuple[nn.Module, str]]:
    unused = make()
    unused.extra = nn.Linear(2, 2)
    nothing = make()
    with torch.no_grad():
        nothing.up.weight[0, 0, 0, 0] = torch.nan
    return [
        (nn.Sequential(nn.BatchNorm2d(3), nn.Flatten()), "the model has no weights to quantize; allowed: one layer"),
        (make().double(), r"stem.weight is torch.float64; allowed: torch.float32"),
        (nothing, "up.weight holds NaN or infinity; allowed: finite numbers"),
        (unused, "extra does not run in the model's forward; allowed: layers that run, or those in skip"),
        (prepared()[0], "stem.weight has a parametrization already; allowed: a model that is not prepared"),
    ]


@pytest.mark.parametrize("number", range(5))
def test_bad_models_are_refused(number: int) -> None:
    model, message = bad_models()[number]
    with pytest.raises(ValueError, match=message):
        prepare(model, method="stlq", fmt=FMT, ratio=0.5, calibration=[images()[0]])


def test_norms_that_are_not_finite() -> None:
    """Refused before training, and after it: else the export's multipliers would be NaN."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    options: dict[str, Any] = {"method": "two-word", "fmt": FMT, "ratio": 1, "calibration": [torch.ones(2, 3)]}
    variance: torch.Tensor = net[1].running_var  # type: ignore[assignment]
    variance[1] = torch.nan
    with pytest.raises(ValueError, match=r"^1.running_var holds NaN or infinity; allowed: finite numbers$"):
        prepare(net, **options)
    variance[1] = 1
    quantization = prepare(net, **options)
    variance[1] = torch.inf
    with pytest.raises(ValueError, match=r"^1.running_var holds NaN or infinity; allowed: finite numbers$"):
        finalize(net, quantization, torch.ones(2, 3))
