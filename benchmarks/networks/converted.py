"""Float networks in integers, made once for each setting."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmarks.networks.tiny import ROOT, inputs_of
from rtl_gen.frontend.calibrate import convert
from rtl_gen.frontend.graph import FloatNetwork
from rtl_gen.frontend.onnx_file import import_onnx
from sw_ref.files import digest_of
from sw_ref.format import StlqFormat
from sw_ref.network import Network, load_network, save_network

FORMAT = StlqFormat(act_signed=False)
KEPT = ROOT / "build/bench"
"""What was measured before, and networks that were converted before."""


@dataclass(frozen=True, kw_only=True)
class Converter:
    """Networks in integers, kept in a folder by all that they depend on; if not `measuring`, a missing one is None."""

    folder: Path
    measuring: bool = True

    def tiny(self, name: str, file: Path, ratio: float, side: int) -> tuple[Network, str] | None:
        """One of MLPerf Tiny's for tiles of `side` x `side`, and a digest of its file."""
        return self.get(file, ratio, side, lambda shape: inputs_of(name, file, shape))

    def get(self, file: Path, ratio: float, side: int, inputs: Any) -> tuple[Network, str] | None:
        """A network with one input, calibrated with ``inputs(shape)``, and a digest of its file."""
        kept = self.folder / f"{key_of(file, ratio, side)}.safetensors"
        if not kept.is_file():
            if not self.measuring:
                return None
            self.folder.mkdir(parents=True, exist_ok=True)
            floats = import_onnx(file)
            made = convert(floats, _data(floats, inputs), FORMAT, tile=(side, side), ratio=ratio)
            save_network(kept, made.network)
        return load_network(kept), digest_of(kept.read_bytes())


def key_of(file: Path, ratio: float, side: int) -> str:
    """What a network in integers depends on.

    Another quantizer may choose other words. That changes no cycle, so a network is not made anew for it.
    """
    return digest_of(repr((digest_of(file.read_bytes()), FORMAT, ratio, side)).encode())


def _data(floats: FloatNetwork, inputs: Any) -> Mapping[str, NDArray[Any]]:
    (port,) = floats.inputs
    return {port.name: inputs(port.shape)}
