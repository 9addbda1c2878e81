"""Two gloo processes under DistributedDataParallel end with the same weights, which are those of one process."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from verif.sw_ref.train.nets import prepared, train

ROOT = Path(__file__).resolve().parents[3]
WORKER = """
import sys
import torch
from torch import distributed
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from verif.sw_ref.train.nets import SEED, images, prepared

torch.set_num_threads(1)
distributed.init_process_group("gloo")
rank = distributed.get_rank()
net, quantization = prepared("stlq")
net.eval()  # batch norm over half of a batch would be another network
parallel = DistributedDataParallel(net)
optimizer = torch.optim.SGD(quantization.parameter_groups(lr=1e-2))
for number in range(8):
    inputs, labels = images(SEED + number)
    half = slice(6 * rank, 6 * rank + 6)
    loss = cross_entropy(parallel(inputs[half]), labels[half]) + quantization.penalty()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    quantization.step((number + 1) / 8)
torch.save(net.state_dict(), f"{sys.argv[1]}/{rank}.pt")
distributed.destroy_process_group()
"""


def test_two_processes_end_with_equal_weights(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*launcher, str(script), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    net, quantization = prepared("stlq")
    net.eval()
    before = net.state_dict()["last.parametrizations.weight.original"].clone()
    optimizer = torch.optim.SGD(quantization.parameter_groups(lr=1e-2))
    train(net, quantization, optimizer=optimizer, evaluating=True)
    alone = net.state_dict()
    assert not torch.equal(alone["last.parametrizations.weight.original"], before)
    for key in one:
        assert torch.allclose(one[key].float(), alone[key].float(), rtol=1e-3, atol=1e-4), key
