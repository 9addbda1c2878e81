"""What a program means, from docs/program.md alone: no cycles, and nothing of the compiler but the program's words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from hw.engine.encoding import LOOPS, Kind
from rtl_gen.compiler.program import Group, Job, decode

MASK = (1 << 20) - 1


@dataclass
class Machine:
    """An engine's memory, and what its ports have seen; `written`: for each job that
    writes, (addresses, words (n, lanes))."""

    config: EngineConfig
    memory: NDArray[np.int64]
    inputs: list[int]
    outputs: list[int] = field(default_factory=list)
    written: list[tuple[NDArray[Any], NDArray[Any]]] = field(default_factory=list)

    def run(self, words: Sequence[int]) -> None:
        """Run a program from start to end."""
        for job in decode(self.config, words):
            self._run(job)

    def _run(self, job: Job) -> None:
        address, x, y = walk(job)
        fields = job.fields
        inside = (x >= 0) & (x < fields["width"]) & (y >= 0) & (y < fields["height"])
        at = np.where(inside, address, fields["pad_address"])
        assert at.max() < self.config.memory_words
        if job.kind == Kind.CONV:
            self.written.append(self._conv(job, at))
        elif job.kind == Kind.OUTPUT:
            self.outputs += self.memory[at, x].tolist()
        elif job.kind == Kind.FILL:
            self.memory[at] = fields["low"]
            self.written.append((at, self.memory[at]))
        else:
            assert job.kind == Kind.INPUT
            each = 1 + fields["pairs"]
            size = each * len(at)
            codes, self.inputs = np.array(self.inputs[:size]).reshape(-1, each), self.inputs[size:]
            assert each == 1 or not (x % 2).any()
            for code in range(each):
                self.memory[at, x + code] = codes[:, code]
            self.written.append((at, codes[:, np.arange(self.config.array.lanes) % each]))

    def _conv(self, job: Job, at: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        groups = len(job.groups)
        reads = at.reshape(groups, -1, job.groups[0].tiles)
        pooled = (job.fields["trips_pool_x"] + 1) * (job.fields["trips_pool_y"] + 1)
        row = with_sums(job)
        assert row[-1]
        assert pooled == 1 or row.all()
        whole = np.resize(row, reads.shape[1]) if pooled == 1 else np.ones(reads.shape[1], bool)
        places = {name: positions(job, name).reshape(groups, -1) for name in ("write", "add")}
        made = []
        for number, group in enumerate(job.groups):
            added = self.memory[places["add"][number]].repeat(pooled, axis=0) if job.fields["add_terms"] else None
            acts = self._acts(job, self.memory[reads[number]])[whole]
            made.append(self._codes(job, group, acts, added))
        codes = np.stack(made)
        codes = codes.reshape(groups, -1, pooled, codes.shape[-1]).max(axis=2)
        ends = whole & (np.arange(1, len(whole) + 1) % pooled == 0)
        self.check_order(reads, places["write"], np.tile(ends, groups))
        self.memory[places["write"]] = codes
        return places["write"].reshape(-1), codes.reshape(-1, codes.shape[-1])

    def _acts(self, job: Job, words: NDArray[Any]) -> NDArray[Any]:
        """What each lane of each PE gets: (positions, tiles, pe, lanes); `words`: (positions, tiles, lanes)."""
        pe, lanes = self.config.array.tile
        acts = np.repeat(words[:, :, None], pe, axis=2)
        if job.fields["window"]:
            assert self.config.depthwise
            assert words.shape[1] == 3
            for own in range(pe):
                for ago in (1, 2):
                    acts[ago:, :, own, (own + ago) % lanes] = words[:-ago, :, own]
        return acts

    def _codes(self, job: Job, group: Group, acts: NDArray[Any], added: NDArray[Any] | None) -> NDArray[Any]:
        """The words of a group's positions; `acts`: (positions, tiles, pe, lanes)."""
        assert group.word1 is not None
        assert group.word2 is not None
        fmt = self.config.array.format
        term = np.array([fmt.term(q) for q in range(-fmt.levels, fmt.levels)])
        weights = (term[group.word1 + fmt.levels] << fmt.residual_shift) + term[group.word2 + fmt.levels]
        # The array gets codes less half of their range.
        sums = np.einsum("ptol,tol->po", acts - (1 << (fmt.act_bits - 1)), weights)
        assert np.abs(sums).max() < 1 << (self.config.core.acc_bits - 1)
        values = np.empty(sums.shape, np.int64)
        for channel, (scale, offset) in enumerate(zip(group.scales, group.offsets, strict=True)):
            code = 0 if added is None else added[:, channel]
            first, *more = scale
            terms = [(sums[:, channel] << first["shift"], first["negative"])]
            terms.append((sums[:, channel] * first["extra"], first["extra_negative"]))
            for one in more[: job.fields["add_terms"]]:
                terms.append((code * one["extra"] << one["shift"], one["negative"]))
            total = sum(~value if negative else value for value, negative in terms) + offset["offset"]
            assert np.abs(total).max() < 1 << (self.config.product_bits - 1)
            values[:, channel] = np.clip(total >> offset["shift"], job.fields["low"], job.fields["high"])
        return np.array(job.table)[values] if job.fields["table"] else values

    def check_order(self, reads: NDArray[Any], writes: NDArray[Any], ends: NDArray[Any]) -> None:
        """No element of a job reads what the job wrote before, or writes at about the same time.

        `ends`: whether a word is written at a position.
        """
        order = {address: index for index, address in enumerate(writes.reshape(-1).tolist())}
        assert len(order) == writes.size == ends.sum()
        before = (np.cumsum(ends) - ends).tolist()
        for index, position in zip(before, reads.reshape(-1, reads.shape[-1]).tolist(), strict=True):
            assert all(order.get(address, index + 3) >= index + 3 for address in position)


def walk(job: Job) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(address, x, y) of every element, by additions alone."""
    trips = [job.fields[f"trips_{name}"] + 1 for name in LOOPS]
    count = int(np.prod(trips))
    level = np.zeros(count - 1, int)
    inner = 1
    for number, turns in enumerate(trips[:-1], 1):
        inner *= turns
        level[inner - 1 :: inner] = number
    # A loop of one turn never goes on: what is outside of it does.
    walked = []
    for name in ("address", "x", "y"):
        steps = np.array([step[name] for step in job.steps])
        walked.append(np.cumsum([job.fields[name], *steps[level]]))
    return walked[0] & MASK, walked[1], walked[2]


def positions(job: Job, name: str) -> NDArray[Any]:
    """The address of each position's word that is written, or added."""
    return np.fromiter(_steps(job, name), int) & MASK


def with_sums(job: Job) -> NDArray[Any]:
    """Which positions of a row have sums."""
    columns = np.arange(job.fields["trips_x"] + 1)
    if not job.fields["window"]:
        return columns >= 0
    return (columns >= 2) & (columns % (1 + job.fields["pairs"]) == 0)


def _steps(job: Job, name: str) -> Iterator[int]:
    fields = job.fields
    at = fields[f"{name}_address"]
    rows, columns = fields["trips_y"] + 1, int(with_sums(job).sum())
    for position in range((fields["trips_group"] + 1) * rows * columns):
        yield at
        loop = "x" if (position + 1) % columns else "y" if (position + 1) // columns % rows else "group"
        at += fields[f"{name}_step_{loop}"]
