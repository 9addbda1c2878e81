"""Labels of inputs: which are taken, and the words of every refusal."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.labels import read_labels


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labels.npy"


def test_a_class_per_input(path: Path) -> None:
    for array in (np.array([0, 2, 1], np.uint8), np.array([[0], [2], [1]])):
        np.save(path, array)
        labels = read_labels(path, inputs=3, classes=3)
        assert (labels.dtype, labels.tolist()) == (np.int64, [0, 2, 1])


def test_labels_of_inputs_that_are_not_used(path: Path) -> None:
    np.save(path, np.array([1, 0, 7]))
    assert read_labels(path, inputs=2, classes=8, more=True).tolist() == [1, 0]
    assert read_labels(path, inputs=3, classes=8, more=True).tolist() == [1, 0, 7]
    with pytest.raises(UsageError, match=r"holds int64 \(3,\); needed: 2 whole numbers"):
        read_labels(path, inputs=2, classes=8)
    with pytest.raises(UsageError, match=r"holds int64 \(3,\); needed: 1 whole number, one per input"):
        read_labels(path, inputs=1, classes=8)
    with pytest.raises(UsageError, match=r"holds int64 \(3,\); needed: 4 whole numbers"):
        read_labels(path, inputs=4, classes=8, more=True)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3), "holds float64 (3,); needed: 3 whole numbers, one per input"),
        (np.zeros((3, 2), int), "holds int64 (3, 2); needed: 3 whole numbers, one per input"),
        (np.zeros((), int), "holds int64 (); needed: 3 whole numbers, one per input"),
        (np.array([0, 3, 1]), "holds classes from 0 to 3; allowed: 0 to 2"),
        (np.array([0, -1, 1]), "holds classes from -1 to 1; allowed: 0 to 2"),
    ],
)
def test_other_arrays(path: Path, array: NDArray[np.generic], message: str) -> None:
    np.save(path, array)
    with pytest.raises(UsageError) as error:
        read_labels(path, inputs=3, classes=3)
    assert str(error.value) == f"--labels {path} {message}"


def test_no_file(path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read_labels(path, inputs=3, classes=3)
    assert str(error.value) == f"--labels is {path}: no such file; allowed: .npy or .npz of a class per input"
