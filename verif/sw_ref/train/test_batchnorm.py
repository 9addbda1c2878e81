"""Statistics that batch norm is given after training, against their written definition."""

import copy

import pytest
import torch
from torch import nn

from sw_ref.train import settle_batch_norm
from verif.sw_ref.train.nets import SEED


def network() -> nn.Sequential:
    torch.manual_seed(SEED)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.3), nn.Dropout(0.5), nn.BatchNorm1d(4))


def batches() -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(SEED)
    return [torch.rand(count, 3, generator=random) for count in (5, 9, 7)]


def test_statistics_are_the_mean_over_the_batches() -> None:
    net = network()
    net[1](torch.rand(8, 4) * 9 - 30)  # what was there before does not count
    net.train()
    net[3].eval()
    before = copy.deepcopy(net)
    settle_batch_norm(net, batches())
    outputs = [net[0](batch) for batch in batches()]
    settled = net.state_dict()
    assert torch.allclose(settled["1.running_mean"], torch.stack([y.mean(0) for y in outputs]).mean(0), atol=1e-6)
    assert torch.allclose(settled["1.running_var"], torch.stack([y.var(0) for y in outputs]).mean(0), atol=1e-6)
    # The second one's inputs are normalized batch by batch; dropout is off.
    assert torch.allclose(settled["3.running_mean"], torch.zeros(4), atol=1e-6)
    variance = torch.tensor([5 / 4, 9 / 8, 7 / 6]).mean().expand(4)
    assert torch.allclose(settled["3.running_var"], variance, rtol=1e-2)
    assert [module.training for module in net.modules()] == [module.training for module in before.modules()]
    assert (net[1].momentum, net[3].momentum) == (0.3, 0.1)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), before.parameters(), strict=True))


def test_a_model_without_batch_norm_is_not_run() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False))
    before = copy.deepcopy(net).state_dict()
    settle_batch_norm(net, iter([torch.zeros(0, 99)]))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_no_batches_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^there are no batches for batch norm; allowed: one or more$"):
        settle_batch_norm(network(), [])
