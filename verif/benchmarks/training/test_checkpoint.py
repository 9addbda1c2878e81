"""Checkpoints: every bit comes back, and what is damaged or of something else is refused with a clear line."""

import errno
import pickle
import re
import shutil

import pytest
import torch
from torch import nn

from benchmarks.training.checkpoint import (
    CheckpointError,
    load_checkpoint,
    restore_model,
    restore_optimizer,
    save_checkpoint,
    state_of,
)

FACTS = {"about": {"task": "classify"}, "progress": {"epoch": 3, "loss": 0.1}}


def network(width=3):
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.Flatten())


def trained(model):
    """An optimizer with a state of its own, after two steps."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.ones(2, 1, 4, 4)).square().sum().backward()
        optimizer.step()
    return optimizer


@pytest.fixture
def saved(tmp_path):
    model = network()
    optimizer = trained(model)
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, state_of(model, optimizer), FACTS)
    return path, model, optimizer


def test_every_bit_of_model_and_optimizer_comes_back(saved):
    path, model, optimizer = saved
    again = network()
    other = torch.optim.Adam(again.parameters(), 1e-2)
    tensors, facts = load_checkpoint(path)
    restore_model(again, tensors, path)
    restore_optimizer(other, tensors)
    assert facts == FACTS
    first, second = state_of(model, optimizer), state_of(again, other)
    assert first.keys() == second.keys()
    assert len(first) == 7 + 3 * 4  # tensors of the model, and three for each of its four parameters
    for name, value in first.items():
        assert torch.equal(value, second[name])
        assert value.dtype == second[name].dtype
        assert value.shape == second[name].shape


def test_the_same_state_gives_the_same_bytes(saved, tmp_path):
    path, model, optimizer = saved
    save_checkpoint(tmp_path / "again", state_of(model, optimizer), FACTS)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_any_changed_byte_is_noticed(saved, tmp_path):
    path, _, _ = saved
    data = path.read_bytes()
    for position in range(0, len(data), 37):
        damaged = tmp_path / "damaged"
        damaged.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        with pytest.raises(CheckpointError, match=re.escape(f"{damaged}: ")):
            load_checkpoint(damaged)


@pytest.mark.parametrize("length", [0, 7, 8, 100, -1])
def test_a_truncated_file_is_refused(saved, length):
    path, _, _ = saved
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"undamaged checkpoint"):
        load_checkpoint(path)


class Trap:
    """Leaves a trace if it is unpickled."""

    def __reduce__(self):
        return (shutil.rmtree, ("/nowhere",))


def test_a_pickle_is_refused_and_not_run(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CheckpointError, match=r"truncated, or no safetensors file"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (network(4), r"of another model: 0.bias is (3,); allowed: (4,)"),
        (nn.Conv2d(1, 3, 3), r"of another model: 0.bias is (3,); allowed: no such tensor"),
        (nn.Sequential(network(), nn.Linear(1, 1)), r"of another model: 0.0.bias is no such tensor; allowed: (3,)"),
    ],
)
def test_one_of_another_model_is_refused(saved, other, line):
    path, _, _ = saved
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(CheckpointError, match=re.escape(line)):
        restore_model(other, load_checkpoint(path)[0], path)
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())


def test_a_later_schema_is_refused(saved, monkeypatch):
    path, model, _ = saved
    monkeypatch.setattr("benchmarks.training.checkpoint.SCHEMA", "2")
    save_checkpoint(path, state_of(model), FACTS)
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match=r"schema is '2'; allowed: '1'"):
        load_checkpoint(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(saved, monkeypatch):
    path, model, _ = saved
    before = path.read_bytes()

    def fail(*_):
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match=rf"disk full: '{path}'$"):
        save_checkpoint(path, state_of(model), {})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
