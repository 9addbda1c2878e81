"""Inputs of networks: which files are taken, and the words of every refusal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl_gen.errors import UsageError
from rtl_gen.images import check_outputs, read_images, write_outputs
from sw_ref.network import Network
from verif.rtl_gen.compiler.networks import random_network
from verif.rtl_gen.conftest import claim
from verif.rtl_gen.test_compile import CONFIG, SEED


@pytest.fixture(scope="module")
def network() -> Network:
    """Its only input is `in`."""
    return random_network(CONFIG, np.random.default_rng(SEED))


def said(path: Path, network: Network) -> str:
    with pytest.raises(UsageError) as error:
        read_images(path, network, codes=True)
    return str(error.value)


def test_codes_from_both_kinds_of_files(tmp_path: Path, network: Network) -> None:
    codes = np.random.default_rng(SEED).integers(0, 256, (2, *network.tensors["in"].shape))
    np.save(tmp_path / "any.npy", codes)
    np.savez(tmp_path / "named.npz", **{"in": codes})  # pyright: ignore[reportArgumentType]
    for name in ("any.npy", "named.npz"):
        assert read_images(tmp_path / name, network, codes=True)["in"].tolist() == codes.tolist()


def test_other_files(tmp_path: Path, network: Network) -> None:
    path = tmp_path / "x.npy"
    assert said(path, network) == f"--input is {path}: no such file; allowed: .npy or .npz"
    assert said(tmp_path / "x.txt", network) == f"--input is {tmp_path / 'x.txt'}; allowed: .npy or .npz"
    for data in (b"", b"\x93NUMPY", claim((10**15, 5, 6, 7))):
        path.write_bytes(data)
        assert said(path, network).startswith(f"--input {path} is damaged: ")
    save: Any = np.save
    save(path, np.array([{}], object), allow_pickle=True)
    assert said(path, network).startswith(f"--input {path} is damaged: ")
    for kind in (np.complex128, "datetime64[s]", "U3"):
        np.save(path, np.zeros((1, 1), kind))
        assert said(path, network) == f"--input {path}: in is {np.dtype(kind)}; allowed: real numbers"
    archive = tmp_path / "x.npz"
    np.savez(archive, x=np.zeros(3), y=np.zeros(3))
    assert said(archive, network) == f"--input {archive} holds x, y; allowed: exactly in"


@pytest.mark.parametrize(("name", "count"), [("y.npy", 1), ("y.NPZ", 1), ("y.npz", 2)])
def test_outputs_go_to_files_of_these_kinds(tmp_path: Path, name: str, count: int) -> None:
    check_outputs(tmp_path / name, count)


def test_outputs_are_written_under_their_names(tmp_path: Path) -> None:
    """Also under those that `np.savez` takes for options."""
    outputs = {name: np.full((1, 2), number) for number, name in enumerate(("file", "allow_pickle"))}
    write_outputs(tmp_path / "y.npz", outputs)
    with np.load(tmp_path / "y.npz") as stored:
        assert {name: array.tolist() for name, array in stored.items()} == {"file": [[0, 0]], "allow_pickle": [[1, 1]]}


def test_outputs_go_over_no_input(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(1))
    (tmp_path / "y.npy").symlink_to(tmp_path / "x.npy")
    with pytest.raises(UsageError, match=r"y.npy: the labels themselves; allowed: another file$"):
        check_outputs(tmp_path / "y.npy", 1, inputs=tmp_path / "none.npy", labels=tmp_path / "x.npy")
    check_outputs(tmp_path / "z.npy", 1, inputs=tmp_path / "z.npy", labels=None)


@pytest.mark.parametrize(
    ("name", "count", "allowed"),
    [
        ("y.txt", 1, "a name that ends in .npy or .npz"),
        ("y.npy", 2, "a name that ends in .npz"),
        ("no/y.npy", 1, "a file in a folder that exists"),
    ],
)
def test_outputs_without_a_place_are_refused_at_once(tmp_path: Path, name: str, count: int, allowed: str) -> None:
    with pytest.raises(UsageError) as error:
        check_outputs(tmp_path / name, count)
    assert str(error.value) == f"--out is {tmp_path / name}; allowed: {allowed}"
