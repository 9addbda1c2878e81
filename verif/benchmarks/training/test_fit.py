"""The training loop: stopped anywhere and resumed, it ends with the same bits; what is not finite stops it."""

import json
import signal

import pytest
import torch

from benchmarks.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint, state_of
from benchmarks.training.fit import Fit, Interrupted, TrainingError
from sw_ref.format import StlqFormat
from sw_ref.train import prepare
from verif.benchmarks.training.tiny import Tiny

STEPS = Tiny.steps * Tiny.tuning.epochs


class StopAt(Tiny):
    """Receives Ctrl-C while the batch with this number is drawn."""

    def __init__(self, number):
        self.left = number

    def draw(self, random):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return super().draw(random)


class Poisoned(Tiny):
    """From this epoch on, the inputs hold a NaN."""

    def __init__(self, epoch):
        self.epoch = epoch

    def batches(self, seed, epoch):
        for inputs, targets in super().batches(seed, epoch):
            if epoch >= self.epoch:
                inputs[0, 0, 3, 3] = torch.nan
            yield inputs, targets


def make(folder, method=None, task=None, ratio=0.5, **about):
    """A fit of the tiny task, prepared for `method` if there is one; `about` changes what it is said to be about."""
    task = task or Tiny()
    model = task.build("plain", 1)
    quantization = None
    if method:
        quantization = prepare(
            model,
            method=method,
            fmt=StlqFormat(bits=3, act_bits=6),
            ratio=ratio,
            calibration=[next(task.batches(1, 99))[0]],
            tile=(4, 4),
        )
    return Fit(
        task=task,
        model=model,
        recipe=task.tuning,
        seed=1,
        checkpoint=folder / "checkpoint.safetensors",
        about={"name": "tiny"} | about,
        quantization=quantization,
    )


def finish(fit):
    """Run to the end; all tensors of the model and the optimizer, and the history without times."""
    history = fit.run(lambda _: None)
    return state_of(fit.model, fit.optimizer), [{**epoch, "seconds": 0} for epoch in history]


@pytest.mark.parametrize("method", [None, "float", "stlq", "one-word"])
@pytest.mark.parametrize("stop", [1, 5, 6, 13, STEPS])
def test_stopped_and_resumed_is_bit_equal_to_uninterrupted(tmp_path, method, stop):
    (tmp_path / "whole").mkdir()
    expected, history = finish(make(tmp_path / "whole", method))
    stopped = make(tmp_path, method, StopAt(stop + (1 if method else 0)))  # one batch more, for calibration
    with pytest.raises(Interrupted, match=f"epoch {(stop - 1) // 5 + 1}, step {(stop - 1) % 5 + 1}"):
        stopped.run(lambda _: None)
    resumed = make(tmp_path, method)
    assert resumed.resume()
    found, again = finish(resumed)
    assert json.dumps(again) == json.dumps(history)
    assert len(history) == Tiny.tuning.epochs
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name


def test_a_second_run_from_the_same_seed_is_bit_equal(tmp_path):
    states = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        states.append(finish(make(tmp_path / name, "stlq"))[0])
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_nothing_to_resume_is_a_new_start(tmp_path):
    assert not make(tmp_path).resume()


def test_ctrl_c_is_what_it_was_after_training(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    finish(make(tmp_path))
    assert signal.getsignal(signal.SIGINT) is before


def test_nan_loss_stops_names_the_layer_and_keeps_the_last_good_state(tmp_path):
    fit = make(tmp_path, task=Poisoned(2))
    with pytest.raises(TrainingError) as error:
        fit.run(lambda _: None)
    path = tmp_path / "checkpoint.safetensors"
    assert str(error.value) == (
        f"loss is nan in epoch 3, step 1; the output of 0 is not finite; {path} holds the last good state"
    )
    tensors, facts = load_checkpoint(path)
    assert facts["progress"]["epoch"] == 2
    assert all(torch.isfinite(value).all() for value in tensors.values())


def test_a_parameter_that_is_not_finite_is_named(tmp_path):
    fit = make(tmp_path)
    with torch.no_grad():
        fit.model.get_parameter("3.weight")[0, 0, 0, 0] = torch.inf
    with pytest.raises(TrainingError, match=r"^loss is nan in epoch 1, step 1; 3.weight is not finite$"):
        fit.run(lambda _: None)
    assert not fit.checkpoint.exists()


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    finish(make(tmp_path))
    with pytest.raises(CheckpointError, match=r"of another run: its bits is not there; allowed: 4"):
        make(tmp_path, bits=4).resume()
    with pytest.raises(CheckpointError, match=r"of another run: its name is tiny; allowed: huge"):
        make(tmp_path, name="huge").resume()


def test_a_changed_selection_is_refused(tmp_path):
    fit = make(tmp_path, "stlq", ratio=0.5)
    finish(fit)
    with pytest.raises(CheckpointError, match="its selection C is not this run's"):
        make(tmp_path, "stlq", ratio=0.25).resume()
    tensors, facts = load_checkpoint(fit.checkpoint)
    name = next(name for name in tensors if name.endswith("selection"))
    tensors[name].view(-1)[0] = ~tensors[name].view(-1)[0].bool()
    save_checkpoint(fit.checkpoint, tensors, facts)
    with pytest.raises(CheckpointError, match="its selection C is not this run's"):
        make(tmp_path, "stlq", ratio=0.5).resume()
