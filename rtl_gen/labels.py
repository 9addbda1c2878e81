"""Labels of inputs, which accuracy is counted by: a file of numpy with a class for each."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtl_gen.arrays import read_array
from rtl_gen.errors import UsageError
from sw_ref.messages import counted


def read_labels(path: Path, *, inputs: int, classes: int, more: bool = False) -> NDArray[np.int64]:
    """The class, from 0 to `classes` - 1, of each of so many `inputs`: (inputs,), or (inputs, 1) in the file.

    `more`: there may be more inputs than are used, which are the first ones; their labels are left out.
    Raises :class:`UsageError`.
    """
    labels = read_array("--labels", path, ".npy or .npz of a class per input")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    fits = labels.ndim == 1 and (len(labels) == inputs or (more and len(labels) > inputs))
    if labels.dtype.kind not in "iu" or not fits:
        whole = counted(inputs, "whole number")
        raise UsageError(f"--labels {path} holds {labels.dtype} {labels.shape}; needed: {whole}, one per input")
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most >= classes:
        raise UsageError(f"--labels {path} holds classes from {least} to {most}; allowed: 0 to {classes - 1}")
    return labels[:inputs].astype(np.int64)
