"""The words that the engine should write, in order: of each lane, which code of which tensor it is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.engine.encoding import Kind
from rtl_gen.compiler.loops import elements_of, written_of
from rtl_gen.compiler.lower import Compiled
from rtl_gen.compiler.program import Job
from rtl_gen.compiler.views import Copies, View


@dataclass(frozen=True, kw_only=True, eq=False)
class Writes:
    """A job's writes: `addresses` (n,); `codes` (n, lanes): index of the code in its tensor, -1 for any code.

    `tensor`: None where all lanes get the code `fill`.
    """

    layer: str
    addresses: NDArray[np.int64]
    codes: NDArray[np.int64]
    tensor: str | None = None
    fill: int = 0


def expected_writes(compiled: Compiled) -> Iterator[Writes]:
    """The writes of each job that writes, in the order of the program."""
    for job, target in zip(compiled.jobs, compiled.targets, strict=True):
        if job.kind == Kind.FILL:
            addresses = elements_of(job.fields, job.steps)["address"]
            codes = np.zeros((len(addresses), 1), np.int64)
            yield Writes(layer=job.layer, addresses=addresses, codes=codes, fill=job.fields["low"])
        elif target is not None:
            yield _tensor_writes(compiled, job, *target)


def _tensor_writes(compiled: Compiled, job: Job, tensor: str, where: View | Copies) -> Writes:
    """The codes of a tensor that a job writes, by their places in a buffer."""
    base, words = compiled.placement.bases[where.buffer], compiled.placement.size_of(where.buffer)
    index = where.codes if isinstance(where, Copies) else where.codes(words)
    if job.kind == Kind.INPUT:
        elements = elements_of(job.fields, job.steps)
        addresses = elements["address"]
        behind = np.arange(index.shape[1]) - elements["x"][:, None]
        own = (behind >= 0) & (behind <= job.fields["pairs"])
        codes = np.where(own, index[addresses - base], -1)
    else:
        addresses = written_of(job.fields)
        codes = index[addresses - base]
    return Writes(layer=job.layer, addresses=addresses, codes=codes, tensor=tensor)
