"""Two gloo processes under torchrun: equal weights, those of one process, and a resumed run continues exactly."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.training.checkpoint import state_of
from verif.sw_ref.train.nets import prepared, train

ROOT = Path(__file__).resolve().parents[3]
WORKER = """
import sys
from pathlib import Path
import torch
from torch import distributed
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from benchmarks.training.checkpoint import load_checkpoint, restore_model, restore_optimizer, save_checkpoint, state_of
from verif.sw_ref.train.nets import SEED, images, prepared

folder = Path(sys.argv[1])
checkpoint = folder / "checkpoint.safetensors"
torch.set_num_threads(1)
distributed.init_process_group("gloo")
rank = distributed.get_rank()


def run(name):
    net, quantization = prepared("stlq")
    net.eval()  # batch norm over half of a batch would be another network
    parallel = DistributedDataParallel(net)
    optimizer = torch.optim.SGD(quantization.parameter_groups(lr=1e-2), momentum=0.9)
    start = 0
    if checkpoint.exists():
        tensors, facts = load_checkpoint(checkpoint)
        restore_model(net, tensors, checkpoint)
        restore_optimizer(optimizer, tensors)
        start = facts["steps"]
    distributed.barrier()  # nobody writes the checkpoint before all have looked for it
    for number in range(start, 8):
        if number == 3 and rank == 0:
            save_checkpoint(checkpoint, state_of(net, optimizer), {"steps": number})
        inputs, labels = images(SEED + number)
        half = slice(6 * rank, 6 * rank + 6)
        loss = cross_entropy(parallel(inputs[half]), labels[half]) + quantization.penalty()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        quantization.step((number + 1) / 8)
    torch.save(state_of(net, optimizer) | {"start": torch.tensor(start)}, folder / f"{name}{rank}.pt")


run("whole")
distributed.barrier()  # the checkpoint is there
run("resumed")
distributed.destroy_process_group()
"""


def launch(folder: Path) -> tuple[list[dict[str, torch.Tensor]], ...]:
    """Both processes' state at the end of a whole run, then at the end of one that resumed its checkpoint."""
    script = folder / "worker.py"
    script.write_text(WORKER)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    done = subprocess.run(
        [*launcher, str(script), str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return tuple(
        [torch.load(folder / f"{name}{rank}.pt", weights_only=True) for rank in (0, 1)] for name in ("whole", "resumed")
    )


def test_two_processes_end_with_equal_weights_and_resume_exactly(tmp_path: Path) -> None:
    (one, two), both_resumed = launch(tmp_path)
    assert one.keys() == two.keys()
    assert one.pop("start") == two.pop("start") == 0
    assert all(torch.equal(one[key], two[key]) for key in one)

    for resumed in both_resumed:
        assert resumed.pop("start") == 3
        assert resumed.keys() == one.keys()
        assert all(torch.equal(one[key], resumed[key]) for key in one)

    net, quantization = prepared("stlq")
    net.eval()
    original = "last.parametrizations.weight.original"
    before = net.state_dict()[original].clone()
    optimizer = torch.optim.SGD(quantization.parameter_groups(lr=1e-2), momentum=0.9)
    train(net, quantization, optimizer=optimizer, evaluating=True)
    alone = state_of(net, optimizer)
    assert not torch.equal(alone[f"model.{original}"], before)
    assert alone.keys() == one.keys()
    for key in one:
        assert torch.allclose(one[key].float(), alone[key].float(), rtol=1e-3, atol=1e-4), key
