"""Float networks in integers, as units of work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from benchmarks.networks.tiny import inputs_of
from rtl_gen.explore.units import unpacked
from rtl_gen.frontend.onnx_file import import_onnx
from sw_ref.files import digest_of
from sw_ref.format import StlqFormat
from sw_ref.network import Network

FORMAT = StlqFormat(act_signed=False)


@dataclass(kw_only=True)
class Sources:
    """Networks of MLPerf Tiny and their calibration inputs, by digest in `contents`, which a runner is given."""

    files: Mapping[str, Path]
    contents: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._about: dict[str, dict[str, Any]] = {}
        for name, file in self.files.items():
            (port,) = import_onnx(file).inputs
            data = save({port.name: inputs_of(name, file, port.shape)})
            parts = {"network": file.read_bytes(), "data": data}
            self.contents |= {digest_of(part): part for part in parts.values()}
            self._about[name] = {key: digest_of(part) for key, part in parts.items()}

    def unit(self, name: str, ratio: float, side: int) -> dict[str, Any]:
        """The arguments that convert a network for tiles of `side` x `side`."""
        about = {"shapes": {}, "labels": None, "samples": 128, "budget": "layer"}
        return {**about, **self._about[name], "format": FORMAT.to_dict(), "side": side, "ratio": ratio}


def network_of(found: Mapping[str, Any]) -> Network:
    """The network in integers that a unit made."""
    return unpacked(found["network"])
