"""Training with one-word and two-word weights, in PyTorch (extra `train`)."""

from sw_ref.train.needs import check_command

check_command()

from sw_ref.train.batchnorm import settle_batch_norm  # noqa: E402
from sw_ref.train.export import finalize  # noqa: E402
from sw_ref.train.methods import METHODS, Method  # noqa: E402
from sw_ref.train.network import Export, load_export  # noqa: E402
from sw_ref.train.prepare import prepare  # noqa: E402
from sw_ref.train.quantization import Quantization  # noqa: E402

__all__ = [
    "METHODS",
    "Export",
    "Method",
    "Quantization",
    "finalize",
    "load_export",
    "prepare",
    "settle_batch_norm",
]
