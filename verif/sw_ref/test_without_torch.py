"""What needs no PyTorch, no Amaranth and no rich: reading an export and a network, and their golden integers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sw_ref.export import Export, ExportedLayer, Node
from sw_ref.format import StlqFormat
from sw_ref.quantize.tensor import quantize_tensor
from verif.sw_ref.distributions import make

ROOT = Path(__file__).resolve().parents[2]
BLOCKED = ("torch", "amaranth", "rich", "cocotb", "onnx", "sklearn", "skimage", "matplotlib")
BLOCK = f"import sys; sys.modules.update(dict.fromkeys({BLOCKED!r}))\n"
"""A module that is None there cannot be imported, as if it were not installed."""

GOLDEN = """
import numpy as np
from sw_ref.export import load_export
export = load_export(sys.argv[1])
for layer in export.layers.values():
    codes = np.ones((2, 3, 5, 5) if layer.kind == "conv" else (2, 3), int)
    print(layer.name, layer.outputs(layer.sums(codes)).shape)
"""


def write_export(folder: Path) -> None:
    """An export of a convolution and a linear layer, made without PyTorch."""
    shapes = {"stem": ("conv", (4, 3, 3, 3)), "head": ("linear", (2, 3))}
    options = {"stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1}
    layers = {}
    for name, (kind, shape) in shapes.items():
        layers[name] = ExportedLayer(
            name=name,
            kind=kind,
            options=options if kind == "conv" else {},
            tensor=quantize_tensor(make("gauss", shape), StlqFormat()),
            act_step=0.5,
            act_format=StlqFormat(),
            multiplier=np.ones(shape[0]),
            bias=np.zeros(shape[0]),
            norm=None,
        )
    Export(layers=layers, graph=[Node("stem", "Conv2d", ["input_0"])]).save(folder)


def blocked(program: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCK + program, *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("module", ["torch", "amaranth", "rich"])
def test_a_blocked_module_cannot_be_imported(module: str) -> None:
    assert f"import of {module} halted" in blocked(f"import {module}").stderr


@pytest.mark.parametrize("module", ["sw_ref.network", "sw_ref.export", "sw_ref.quantize.tensor", "sw_ref.stream"])
def test_a_reference_module_stands_alone(module: str) -> None:
    done = blocked(f"import {module}; print('imported')")
    assert (done.stdout, done.stderr) == ("imported\n", "")


def test_an_export_is_read_and_computed(tmp_path: Path) -> None:
    write_export(tmp_path / "export")
    done = blocked(GOLDEN, str(tmp_path / "export"))
    assert (done.stdout, done.stderr) == ("stem (2, 4, 5, 5)\nhead (2, 2)\n", "")
