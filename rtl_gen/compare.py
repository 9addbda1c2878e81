"""Comparison of an engine's Verilog with the golden execution: every code of every tensor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from rtl_gen.compiler.writes import Writes
from rtl_gen.engine_simulator import EngineRun
from sw_ref.network.requantizer import code_dtype

Codes = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A code that differs: the `image`, where it is in its tensor, what it should be, and what it is."""

    image: int
    layer: str
    tensor: str
    channel: int
    row: int
    column: int
    golden: int
    verilog: int

    def __str__(self) -> str:
        return (
            f"{self.layer}: image {self.image}, tensor {self.tensor}, channel {self.channel}, row {self.row}, "
            f"column {self.column}: golden {self.golden}, Verilog {self.verilog}"
        )


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`codes` that were compared, of which `mismatches` differ; the `first` one; writes that went `astray`."""

    codes: int
    mismatches: int
    astray: int
    first: Difference | None


def compare_writes(writes: Sequence[Writes], golden: Codes, run: EngineRun, first_image: int) -> Comparison:
    """Everything that was written, in order; `golden`: (images, C, H, W) of every tensor."""
    images = len(next(iter(golden.values())))
    total = sum(len(one.addresses) for one in writes)
    codes = mismatches = 0
    astray = abs(len(run.addresses) - images * total)
    first: Difference | None = None
    at = 0
    for image in range(images):
        for one in writes:
            span = slice(at, at + len(one.addresses))
            at = span.stop
            words, count = run.words[span], len(run.addresses[span])
            places, known = one.codes[:count], one.codes[:count] >= 0
            astray += int((run.addresses[span] != one.addresses[:count]).sum())
            astray += int(((run.masks[span][:, : known.shape[1]] != 1) & known).sum())
            right = _golden(one, golden, image, places)
            wrong = known & (words[:, : known.shape[1]] != right)
            codes, mismatches = codes + int(known.sum()), mismatches + int(wrong.sum())
            if first is None and wrong.any():
                row, lane = np.argwhere(wrong)[0]
                values = int(right[row, lane]), int(words[row, lane])
                first = _difference(one, golden, first_image + image, int(places[row, lane]), values)
    return Comparison(codes=codes, mismatches=mismatches, astray=astray, first=first)


def _golden(one: Writes, golden: Codes, image: int, places: NDArray[np.int64]) -> NDArray[np.int64]:
    if one.tensor is None:
        return np.full(places.shape, one.fill, np.int64)
    return golden[one.tensor][image].reshape(-1)[places].astype(np.int64)


def _difference(one: Writes, golden: Codes, image: int, place: int, values: tuple[int, int]) -> Difference:
    shape = golden[one.tensor].shape[1:] if one.tensor else (1, 1, 1)
    channel, row, column = (int(n) for n in np.unravel_index(place, shape))
    tensor = one.tensor or "zero point"
    where = {"channel": channel, "row": row, "column": column, "golden": values[0], "verilog": values[1]}
    return Difference(image=image, layer=one.layer, tensor=tensor, **where)


def read_outputs(config: EngineConfig, names: Sequence[str], golden: Codes, run: EngineRun) -> dict[str, NDArray[Any]]:
    """The codes of the output port by tensor, (images, C, H, W).  Raises ``ValueError`` for too few or too many."""
    images = len(golden[names[0]])
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    at, lasts = 0, []
    for _ in range(images):
        for name in names:
            shape = golden[name].shape[1:]
            size = int(np.prod(shape))
            words = -(-size // config.codes_per_transfer)
            codes = run.outputs[at : at + words].reshape(-1)[:size]
            if len(codes) != size:
                raise ValueError(f"the output port gave {len(run.outputs)} words; {name} is not complete")
            parts[name].append(codes.reshape(shape))
            at += words
            lasts.append(at - 1)
    if at != len(run.outputs) or np.flatnonzero(run.lasts).tolist() != lasts:
        raise ValueError(f"the output port gave {len(run.outputs)} words; {at} are right, last ones {lasts[:3]}...")
    return {name: np.stack(part).astype(code_dtype(config.code_bits)) for name, part in parts.items()}
