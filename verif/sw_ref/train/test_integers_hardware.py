"""From training to inferences through the Verilog: export, convert, compile, run."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from rtl_gen.cli import main
from sw_ref.network import execute, load_network, quantize
from sw_ref.train import finalize, prepare, to_integers
from verif.sw_ref.train.nets import FMT, SEED


class Small(nn.Module):
    """A residual block, an average, a linear layer: (n, 1, 5, 5) to (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.depthwise, self.second = nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 4, 1)
        self.last = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.norm(self.first(x)))
        x = functional.relu(x + self.second(functional.relu(self.depthwise(x))))
        return self.last(x.mean((2, 3)))


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(16, 1, 5, 5, generator=torch.Generator().manual_seed(SEED))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, images: torch.Tensor) -> Path:
    """An export after a few steps of training, in integers too."""
    torch.manual_seed(SEED)
    model, labels = Small(), torch.arange(16) % 3
    quantization = prepare(model, method="stlq", fmt=FMT, ratio=0.3, calibration=[images], tile=(4, 4))
    for stage in ("float", "integers"):
        net = to_integers(model, quantization, images) if stage == "integers" else model
        optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-2)
        for step in range(4):
            loss = functional.cross_entropy(net(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            quantization.step((step + 1) / 4)
    model.eval()
    path = tmp_path_factory.mktemp("export")
    finalize(model, quantization, images).save(path)
    return path


def test_what_training_measured_runs_in_verilog(
    folder: Path, images: torch.Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, build, inputs, outputs = (tmp_path / name for name in ("net.safetensors", "build", "x.npy", "y.npy"))
    assert main(["convert", str(folder), "--out", str(file), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in made["layers"]] == ["first", "depthwise", "second", "last"]
    assert (made["tile"], made["format"]["act_bits"]) == ([4, 4], FMT.act_bits)
    assert file.read_bytes() == (folder / "integers.safetensors").read_bytes()
    assert main(["compile", str(file), "--out", str(build)]) == 0
    np.save(inputs, images[:2].numpy())
    capsys.readouterr()
    arguments = ["run", str(build), "--input", str(inputs), "--out", str(outputs), "--json"]
    assert main(arguments) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["mismatches"], verdict["images"]) == (0, 2)
    network = load_network(file)
    codes = execute(network, quantize(network, {"input_0": images[:2].numpy()}))[network.outputs[0]]
    assert np.array_equal(np.load(outputs), codes)
    assert len(np.unique(codes)) > 2


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The line with which convert refuses an export."""
    capsys.readouterr()
    assert main(["convert", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    return captured.err


def test_options_that_training_chose_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "net.safetensors"
    for option, value in (("--ratio", "0.5"), ("--act-bits", "6"), ("--calibrate", "x.npy"), ("--shape", "x=1x2")):
        line = refused(capsys, folder, "--out", out, option, value)
        assert line.startswith(f"stlq: {option} is given for the export {folder}; allowed: for a float network")
    assert refused(capsys, folder, "--out", tmp_path).startswith(f"stlq: --out is {tmp_path}; allowed: a name that")
    assert not out.exists()


def test_folders_without_integers_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, folder = tmp_path / "net.safetensors", tmp_path / "export"
    line = refused(capsys, tmp_path, "--out", out)
    assert re.match(f"stlq: network is {tmp_path}: .*; allowed: the folder of an export\n", line)
    model, x = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)), torch.rand(3, 4)
    finalize(model, prepare(model, method="no-v", fmt=FMT, ratio=0.5, calibration=[x]), x).save(folder)
    line = refused(capsys, folder, "--out", out)
    reason = "LayerNorm 1: no operator of the integer network does it"
    assert line == f"stlq: export {folder} holds no network in integers: {reason}\n"
    assert not out.exists()
