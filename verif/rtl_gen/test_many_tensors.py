"""What a file of many small tensors costs: so much for each, however many there are.

Function calls are counted, not seconds, so that a busy machine makes no difference.
"""

import cProfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sw_ref.tensorfile import write_tensors
from verif.rtl_gen.conftest import Run

CALLS = 2000
"""Most calls for a tensor.  About half as many are made."""


def save_npz(path: Path, arrays: dict[str, NDArray[np.float32]]) -> None:
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]


def save_tensors(path: Path, arrays: dict[str, NDArray[np.float32]]) -> None:
    write_tensors(path, arrays, {})


@pytest.mark.parametrize(("name", "save"), [("w.npz", save_npz), ("w.safetensors", save_tensors)])
def test_calls_grow_with_the_number_of_tensors(run: Run, tmp_path: Path, name: str, save: Callable[..., None]) -> None:
    weight = np.random.default_rng(1).normal(size=(8, 8)).astype(np.float32)

    def calls(count: int) -> int:
        save(tmp_path / name, {f"layer{i:03}": weight for i in range(count)})
        profile = cProfile.Profile()
        ran = profile.runcall(
            run, "quantize", tmp_path / name, "--out", tmp_path / "q.safetensors", "--scale", "max", "--exclude", "*9"
        )
        assert ran.status == 0, ran
        assert ran.out.count("layer") == count
        return sum(entry.callcount for entry in profile.getstats())

    calls(10)  # what is imported, and kept for later
    few, more, most = calls(30), calls(60), calls(90)
    assert most - more < 30 * CALLS
    # Each of 30 more tensors makes as many calls as each of the 30 before.
    assert abs((most - more) - (more - few)) < 30 * 5, (few, more, most)
