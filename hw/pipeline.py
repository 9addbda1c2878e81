"""The schedule of an array: which registers a beat passes, and in which cycle."""

from dataclasses import dataclass
from itertools import accumulate, pairwise, starmap


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Registers between the inputs of an array and its sums.

    Each lane multiplies. Products are added in *chains*, one after the other; the sums of the chains in a tree.
    Adder levels count from 1: those of the chains, then those of the tree. Level 0 is that of the lanes.

    `lanes`: products that a PE adds in one beat. `pipeline`: 0 to 4, where registers are. `longest_chain`: the most
    lanes of one chain.

    >>> schedule = Schedule(lanes=6, pipeline=3, longest_chain=4)
    >>> schedule.chains, schedule.latency_cycles
    ([range(0, 3), range(3, 6)], 6)
    >>> print(schedule.table())
    stage                       cycle 0   1   2   3   4   5   6
    transfer of the beat              0   1   2   3   4   5   6
    input registers                   -   0   1   2   3   4   5
    products of lanes 0 1 3 4         -   -   0   1   2   3   4
    sums of level 1, lanes 2 5        -   -   -   0   1   2   3
    sums of level 2                   -   -   -   -   0   1   2
    sums of level 3                   -   -   -   -   -   0   1
    accumulator and sum               -   -   -   -   -   -   0
    """

    lanes: int
    pipeline: int
    longest_chain: int

    @property
    def buffered(self) -> bool:
        """Whether each addition has registers of its own before and after it, and each PE two accumulators."""
        return self.pipeline == 4

    @property
    def chains(self) -> list[range]:
        """The lanes of each chain: as few chains as possible, of lengths as equal as possible."""
        count = -(-self.lanes // self.longest_chain)
        return list(starmap(range, pairwise(self.lanes * index // count for index in range(count + 1))))

    def first_of_chain(self, lane: int) -> bool:
        """Whether no product comes before that of `lane` in its chain."""
        return any(lane == lanes[0] for lanes in self.chains)

    @property
    def chain_levels(self) -> int:
        """Adder levels of the longest chain."""
        return max(map(len, self.chains)) - 1

    @property
    def adder_levels(self) -> int:
        """Adder levels of chains and tree."""
        return self.chain_levels + (len(self.chains) - 1).bit_length()

    def first_level(self, chain: range) -> int:
        """The level of a chain's first adder: all chains end at the same level."""
        return self.chain_levels - len(chain) + 2

    def registered(self, level: int) -> bool:
        """Whether registers follow the lanes (level 0) or an adder level."""
        if level == 0:
            return self.pipeline > 0
        # Every other level, counted from the last, whose sum is the accumulator's operand.
        return self.pipeline >= 3 or (self.pipeline == 2 and (self.adder_levels - level) % 2 == 0)

    def skew(self, lane: int) -> int:
        """Cycles by which a lane is behind the first one: its product meets the sum that it is added to."""
        (chain,) = (lanes for lanes in self.chains if lane in lanes)
        level = self.first_level(chain) - 1 + max(chain.index(lane) - 1, 0)
        return sum(map(self.registered, range(1, level + 1)))

    @property
    def decode_stages(self) -> int:
        """Registers within each PE before the last step of the lanes."""
        return int(self.buffered)

    @property
    def stages(self) -> int:
        """Registers between those of the inputs and the accumulators."""
        return self.decode_stages + sum(map(self.registered, range(self.adder_levels + 1))) + self.buffered

    @property
    def latency_cycles(self) -> int:
        """Cycles from the transfer of a dot product's last `tiles` beat to that of its `sums` beat, without stalls.

        Input register, `stages`, the sum; if buffered also the accumulator before the sum.
        """
        return 2 + self.stages + self.buffered

    def rows(self) -> list[tuple[str, int]]:
        """Each stage, and the cycle in which it holds a beat that was transferred in cycle 0."""
        names = [
            "transfer of the beat",
            "input registers",
            *self.decode_stages * ["decoded words, shifted activations"],
        ]
        levels = [level for level in range(self.adder_levels + 1) if self.registered(level)]
        for skew, level in enumerate(levels):
            lanes = [str(lane) for lane in range(self.lanes) if self.skew(lane) == skew]
            products = f"lanes {' '.join(lanes)}" if lanes else ""
            sums = f"sums of level {level}" if level else "products of "
            names.append(f"{sums}{', ' if level and lanes else ''}{products}")
        names += ["operand", "accumulator", "sum"] if self.buffered else ["accumulator and sum"]
        return list(zip(names, accumulate([0] + [1] * (len(names) - 1)), strict=True))

    def table(self) -> str:
        """The beat that is in each stage in each cycle, if one is transferred every cycle: 0 is the first one."""
        rows, last = self.rows(), self.latency_cycles
        width = max(len(name) for name, _ in rows) + 2
        lines = [
            "stage".ljust(width) + "cycle" + "".join(f"{cycle:>{2 if not cycle else 4}}" for cycle in range(last + 1))
        ]
        for name, first in rows:
            cells = "".join(f"{cycle - first if cycle >= first else '-':>4}" for cycle in range(last + 1))
            lines.append(f"{name.ljust(width + 3)}{cells}")
        return "\n".join(lines)
