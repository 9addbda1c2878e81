"""Training with one-word and two-word weights, in PyTorch (extra `train`)."""

from sw_ref.export import Export, load_export
from sw_ref.train.batchnorm import settle_batch_norm
from sw_ref.train.choices import Choices
from sw_ref.train.export import finalize
from sw_ref.train.integers import Integers, to_integers
from sw_ref.train.methods import METHODS, Method
from sw_ref.train.prepare import prepare
from sw_ref.train.quantization import Quantization

__all__ = [
    "METHODS",
    "Choices",
    "Export",
    "Integers",
    "Method",
    "Quantization",
    "finalize",
    "load_export",
    "prepare",
    "settle_batch_norm",
    "to_integers",
]
