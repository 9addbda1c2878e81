"""The tasks: nothing leaks between the splits, everything is repeatable, the metrics are what they are called."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from benchmarks.training.tasks import TASKS
from benchmarks.training.tasks.digits import STARTS, digits
from benchmarks.training.tasks.enhance import PICTURES, READ_NOISE, expose
from benchmarks.training.tasks.photographs import photograph
from benchmarks.training.tasks.segment import CLASSES, TEXTURES
from benchmarks.training.tasks.task import SPLITS, generator

each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
each_network = pytest.mark.parametrize(
    ("task", "network"), [pytest.param(task, name, id=name) for task in TASKS.values() for name in task.networks]
)


@each_task
def test_no_source_is_in_two_splits(task):
    sources = task.sources()
    assert tuple(sources) == SPLITS
    for first, second in itertools.combinations(SPLITS, 2):
        assert sources[first]
        assert sources[second]
        assert not set(sources[first]) & set(sources[second])


def test_no_picture_is_another_one_under_a_second_name():
    for names in (PICTURES, TEXTURES):
        pictures = [photograph(name) for split in SPLITS for name in names[split]]
        for first, second in itertools.combinations(pictures, 2):
            assert first.shape != second.shape or not torch.equal(first, second)


def test_writers_begin_where_the_form_begins():
    labels = "".join(map(str, load_digits(return_X_y=True)[1]))
    assert len(labels) == STARTS[-1] == 1797
    for start, end in itertools.pairwise(STARTS):
        # A few fields of some forms are missing in the set.
        assert labels[start:end].startswith(("0123456789", "123456789"))
        assert "4908" in labels[end - 6 : end]
        assert 115 <= end - start <= 130


def test_digits_of_the_splits_are_all_of_them_once():
    parts = [digits(split) for split in SPLITS]
    assert [len(part.labels) for part in parts] == [1029, 258, 510]
    assert np.array_equal(np.concatenate([part.labels for part in parts]), load_digits(return_X_y=True)[1])


@each_task
def test_batches_repeat_for_a_seed_and_an_epoch_only(task):
    def first(seed, epoch):
        return next(task.batches(seed, epoch))

    for again, same in (((3, 5), True), ((3, 6), False), ((4, 5), False)):
        equal = [torch.equal(a, b) for a, b in zip(first(3, 5), first(*again), strict=True)]
        assert equal == [same, same]
    inputs, _ = first(3, 5)
    assert inputs.shape == (task.batch, *task.example)
    assert 0 <= float(inputs.min()) < float(inputs.max()) <= 1
    assert sum(1 for _ in task.batches(0, 0)) == task.steps


@each_network
def test_networks_repeat_for_a_seed_and_leave_the_random_state(task, network):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, same, other = (task.build(network, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@each_network
def test_one_step_of_training_lowers_the_loss(task, network):
    model = task.build(network, 1)
    inputs, targets = next(task.batches(1, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    losses = []
    for _ in range(6):
        loss = task.loss(model(inputs), targets)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0]


def test_unknown_networks_and_splits_are_refused():
    with pytest.raises(ValueError, match=r"^network is 'wide'; allowed for classify: residual, separable$"):
        TASKS["classify"].build("wide", 0)
    with pytest.raises(ValueError, match=r"^split is 'train'; allowed: valid, test$"):
        TASKS["classify"].evaluate(nn.Linear(1, 1), "train")


class Oracle(nn.Module):
    """Answers with what it was told, call by call."""

    def __init__(self, answers):
        super().__init__()
        self.answers = iter(answers)
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        assert not self.training
        return next(self.answers)


def test_accuracy_counts():
    task = TASKS["classify"]
    targets = [target for _, target in task.held_out("test")]
    right = [nn.functional.one_hot(target, 10).float() for target in targets]
    model = Oracle(right)
    assert task.evaluate(model) == {"accuracy": 100.0}
    assert model.training
    right[0][:51] = right[0][:51].roll(1, 1)
    assert task.evaluate(Oracle(right)) == {"accuracy": pytest.approx(99.0)}


def test_iou_is_the_mean_over_classes():
    task = TASKS["segment"]
    targets = [target for _, target in task.held_out("valid")]
    right = [nn.functional.one_hot(target, CLASSES).movedim(3, 1).float() for target in targets]
    assert task.evaluate(Oracle(right), "valid")["miou"] == 100.0
    background = [torch.zeros_like(scores).index_fill_(1, torch.tensor(0), 1) for scores in right]
    share = float(torch.cat(targets).eq(0).double().mean())
    found = task.evaluate(Oracle(background), "valid")
    assert found == pytest.approx({"miou": 100 * share / CLASSES, "pixel_accuracy": 100 * share})


def test_psnr_and_ssim():
    task = TASKS["enhance"]
    targets = [target for _, target in task.held_out("test")]
    shifted = [target + torch.where(target < 0.5, 0.1, -0.1) for target in targets]
    found = task.evaluate(Oracle(shifted))
    assert found["psnr"] == pytest.approx(20, abs=1e-4)
    assert 0 < found["ssim"] < 1


def test_exposures_have_the_noise_of_photons_and_reading():
    grey = torch.full((400, 3, 32, 32), 0.5)
    light = ((0.5 + 0.055) / 1.055) ** 2.4
    linear = expose(grey, generator(7)).square()
    assert float(linear.mean()) == pytest.approx(light, rel=0.02)
    # Over the wells w from 60 to 240, uniform in log: E[1/w] = (1/60 - 1/240) / ln 4, E[1/w^2] likewise.
    inverse = (1 / 60 - 1 / 240) / np.log(4)
    squared = (1 / 60**2 - 1 / 240**2) / (2 * np.log(4))
    assert float(linear.var()) == pytest.approx(light * inverse + READ_NOISE**2 * squared, rel=0.1)
