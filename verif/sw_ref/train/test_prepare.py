"""prepare on any model: every kind of layer, and PyTorch's own mechanisms."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from sw_ref.format import StlqFormat
from sw_ref.train import METHODS, prepare
from verif.sw_ref.train.nets import FMT, LAYERS, SEED, images, make, prepared, train


def same(one: nn.Module, two: nn.Module) -> bool:
    ours, theirs = one.state_dict(), two.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_every_kind_of_layer(method: str) -> None:
    net, quantization = prepared(method)
    assert list(quantization.layers) == LAYERS
    before = {name: value.clone() for name, value in net.state_dict().items()}
    train(net, quantization)
    after = net.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    for name in LAYERS:
        key = f"{name}.weight" if method == "float" else f"{name}.parametrizations.weight.original"
        assert key in changed
    assert not {name for name in changed if "selection" in name or "scale" in name}
    assert quantization.v_norm() == quantization.share_left() == 0
    quantization.check_finite()


@pytest.mark.parametrize("method", ["stlq", "stlq-literal", "lsq3", "apot3"])
def test_same_seed_same_result(method: str) -> None:
    nets = []
    for _ in range(2):
        net, quantization = prepared(method)
        train(net, quantization)
        nets.append(net)
    assert same(*nets)
    other = make(SEED + 1)
    train(*prepared(method, other))
    assert not same(nets[0], other)


@pytest.mark.parametrize("method", ["stlq", "lsq3"])
def test_resumed_run_continues_exactly(method: str) -> None:
    whole, quantization = prepared(method)
    train(whole, quantization)
    net, quantization = prepared(method)
    optimizer = train(net, quantization, steps=3)
    state, optimizer_state = copy.deepcopy((net.state_dict(), optimizer.state_dict()))
    digest = quantization.selection_digest()
    again, quantization = prepared(method)
    again.load_state_dict(state)
    assert quantization.selection_digest() == digest
    optimizer = torch.optim.Adam(quantization.parameter_groups(lr=1e-2))
    optimizer.load_state_dict(optimizer_state)
    train(again, quantization, steps=5, start=3, optimizer=optimizer)
    assert same(whole, again)


def test_another_selection_has_another_digest() -> None:
    digests = {prepared("stlq", ratio=ratio)[1].selection_digest() for ratio in (0.25, 0.25, 0.5)}
    assert len(digests) == 2


def test_deep_copy_is_independent() -> None:
    net, quantization = prepared()
    twin = copy.deepcopy(net)
    view = quantization.on(twin)
    state = copy.deepcopy(net.state_dict())
    train(twin, view)
    assert view.v_norm() == 0 < quantization.v_norm()
    assert all(torch.equal(state[key], value) for key, value in net.state_dict().items())
    train(net, quantization)
    assert same(net, twin)


def test_moved_and_cast_activations() -> None:
    net, quantization = prepared()
    net.to("cpu")
    inputs, labels = images()
    with torch.autocast("cpu", torch.bfloat16):
        loss = functional.cross_entropy(net(inputs), labels) + quantization.penalty()
    loss.backward()
    quantization.check_finite()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in net.parameters())
    # The weights are quantized in float32 all the same.
    with torch.autocast("cpu", torch.bfloat16):
        weight = net.stem.weight
    assert torch.equal(weight, net.stem.weight)
    assert quantization.penalty().dtype == torch.float32


def test_meta_device_has_no_values_but_shapes() -> None:
    net, _ = prepared()
    net.to("meta")
    assert net.up.weight.shape == (24, 6, 3, 3)
    assert net.up.weight.device.type == "meta"


# Tracing makes an instance of each operator, and warns about that itself.
@pytest.mark.filterwarnings("ignore:.*Function.* should not be instantiated:DeprecationWarning")
def test_compiled_model_computes_the_same() -> None:
    net, quantization = prepared()
    # The eager backend traces all operators, and needs no C++ compiler.
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    inputs, labels = images()
    losses, grads = [], []
    for model in (net, compiled):
        net.zero_grad()
        loss = functional.cross_entropy(model(inputs), labels) + quantization.penalty()
        loss.backward()
        losses.append(float(loss.detach()))
        grads.append([p.grad.clone() for p in net.parameters() if p.grad is not None])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert len(grads[0]) == len(list(net.parameters()))
    for one, two in zip(*grads, strict=True):
        assert torch.allclose(one, two, rtol=1e-3, atol=1e-5)


def test_penalty_is_lambda_times_the_squared_norm() -> None:
    _, quantization = prepared(lambda_v=0.125)
    assert float(quantization.penalty().detach()) == pytest.approx(0.125 * quantization.v_norm() ** 2)
    for v in quantization.annealed():
        v.grad = None
    quantization.penalty().backward()
    assert all(torch.allclose(v.grad, 0.25 * v.detach()) for v in quantization.annealed() if v.grad is not None)


def test_layers_in_skip_stay_float() -> None:
    net, quantization = prepared(skip=["stem", "own"])
    assert list(quantization.layers) == [name for name in LAYERS if name not in ("stem", "own")]
    assert isinstance(net.stem.weight, nn.Parameter)


def test_activations_are_unsigned_where_nothing_is_negative() -> None:
    net, _ = prepared()
    signed = [name for name in LAYERS if net.get_submodule(name).act_quantizer.fmt.act_signed]
    assert signed == ["grouped", "line", "own"]
    assert not hasattr(prepared(activations=None)[0].stem, "act_quantizer")


def test_parameter_groups_hold_every_parameter_once() -> None:
    net, quantization = prepared()
    groups = quantization.parameter_groups(lr=0.1, weight_decay=0.5, v_lr=0.3)
    ids = [id(p) for group in groups for p in group["params"]]
    assert sorted(ids) == sorted(id(p) for p in net.parameters())
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [(0.1, 0.5), (0.1, 0.0), (0.3, 0.0)]


class Mixed(nn.Module):
    """Layers inside of others, and weights that are no layers."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
        self.heading = nn.Linear(6, 6)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.table = nn.Parameter(torch.ones(6, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.heading(self.head(x)) @ self.table
        return self.attention(x, x, x, need_weights=False)[0]


def test_a_container_in_skip_leaves_out_all_that_is_inside() -> None:
    options: dict[str, Any] = {"method": "no-v", "fmt": FMT, "ratio": 0.5, "calibration": [torch.rand(2, 4, 6)]}
    quantization = prepare(Mixed(), skip=["head", "attention"], **options)
    assert list(quantization.layers) == ["heading"]
    assert quantization.float_weights == [
        "table",
        "head.0.weight",
        "head.2.weight",
        "attention.in_proj_weight",
        "attention.out_proj.weight",
    ]
    assert prepared("stlq")[1].float_weights == []


def test_progress_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"progress is 1.5; allowed: a number from 0 to 1"):
        prepared()[1].step(1.5)


def test_nan_is_named() -> None:
    net, quantization = prepared()
    net.last.bias.data[0] = torch.inf
    with pytest.raises(ValueError, match=r"last\.bias holds NaN or infinity"):
        quantization.check_finite()


def test_literal_methods_share_the_scale() -> None:
    assert prepared("stlq-literal", fmt=StlqFormat(residual_shift=3))[1].fmt.residual_shift == 0


def small_channels(factor: float) -> Any:
    """Two layers; one output channel of the first is `factor` times what it would be, its first weight 0."""
    torch.manual_seed(SEED)
    net: Any = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1))
    with torch.no_grad():
        net[0].weight[2] *= factor
        net[0].weight[2, 0] = 0
    return net


@pytest.mark.parametrize("factor", [0.0, 1e-40, 1e-33, 1e-4])
@pytest.mark.parametrize("method", ["stlq", "stlq-cycles", "stlq-cycles-reorder", "two-word", "lsq3", "apot3"])
def test_a_channel_of_next_to_nothing_can_learn(method: str, factor: float) -> None:
    """Its scale is not its own: weights of the size that others have are levels for it too."""
    net, inputs = small_channels(factor), images()[0]
    prepared(method, net, task_loss=lambda m: [m(inputs).square().mean()])
    small = 2 if method != "stlq-cycles-reorder" else int(net[0].weight.detach().abs().amax((1, 2, 3)).argmin())
    original = net[0].parametrizations["weight"].original
    with torch.no_grad():
        original[small] = original.abs().amax()
    grown = net[0].weight.detach()[small]
    least = 0.1 if factor == 0 else 2.0**-9
    assert float(grown.min()) >= least * float(net[0].weight.detach().abs().amax())
    net(inputs).square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


@pytest.mark.parametrize("method", ["stlq", "lsq3"])
def test_a_layer_of_zeros_can_be_prepared(method: str) -> None:
    net: Any = nn.Sequential(nn.Linear(4, 3))
    nn.init.zeros_(net[0].weight)
    prepare(net, method=method, fmt=FMT, ratio=0.5, calibration=[torch.rand(2, 4)])
    assert not net[0].weight.any()
