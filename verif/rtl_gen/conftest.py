"""What the command-line tests share: a way to run a command, weights, and small builds."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from rtl_gen.cli import main
from sw_ref.model import PARTS, StlqTensor
from verif.rtl_gen.stand_in import said, yosys

__all__ = ["said", "yosys"]  # fixtures
SEED = 20210619


class Ran(NamedTuple):
    """Exit status and what was printed."""

    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process."""

    def run_command(*args: object) -> Ran:
        capsys.readouterr()
        status = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Ran(status, captured.out, captured.err)

    return run_command


@pytest.fixture
def refused(run: Run) -> Callable[..., str]:
    """Runs a command that must be refused: the given status, nothing on standard output, one line that it returns."""

    def refuse(*args: object, status: int = 2) -> str:
        ran = run(*args)
        assert (ran.status, ran.out) == (status, ""), ran
        assert ran.err.startswith("stlq: ")
        assert ran.err.count("\n") == 1
        return ran.err

    return refuse


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    """Two small layers with ragged tiles, and a bias."""
    rng = np.random.default_rng(SEED)
    return {
        "conv": rng.normal(size=(5, 6, 3, 3)).astype(np.float32),
        "fc": rng.laplace(size=(10, 12)).astype(np.float32),
        "bias": np.zeros(10, np.float32),
    }


@pytest.fixture
def weights_file(tmp_path: Path, weights: dict[str, np.ndarray]) -> Path:
    path = tmp_path / "weights.npz"
    np.savez(path, **weights)  # pyright: ignore[reportArgumentType]
    return path


@pytest.fixture
def build(tmp_path: Path, run: Run) -> Path:
    """A 4 x 3 array."""
    folder = tmp_path / "build"
    assert run("--pe", 4, "--lanes", 3, "--out", folder).status == 0
    return folder


@pytest.fixture
def model(tmp_path: Path, run: Run, weights_file: Path) -> Path:
    """The weights, quantized for that array."""
    path = tmp_path / "q.safetensors"
    assert run("quantize", weights_file, "--tile", "4x3", "--out", path).status == 0
    return path


def same(left: StlqTensor, right: StlqTensor) -> bool:
    """Whether two quantized tensors hold the same."""
    return all(np.array_equal(getattr(left, part), getattr(right, part)) for part in PARTS)


def claim(shape: tuple[int, ...], content: bytes = bytes(64)) -> bytes:
    """A .npy file whose header tells of float32 in any shape."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + content
