"""The addresses of buffers: buffers that are needed at the same time do not overlap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """`words` words that are needed from step `first` to step `last`, both included."""

    name: str
    words: int
    first: int
    last: int

    def meets(self, other: "Buffer") -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, kw_only=True)
class Placement:
    """`bases`: address of each buffer; `buffers`: what was placed; `words`: one more than the highest address."""

    bases: Mapping[str, int]
    buffers: Sequence[Buffer]
    words: int

    def size_of(self, name: str) -> int:
        """Words of a buffer."""
        return next(b.words for b in self.buffers if b.name == name)

    @property
    def peak_step(self) -> int:
        """The first step in which most words are needed."""
        return max((b.first for b in self.buffers), key=lambda step: (self.words_at(step), -step))

    def words_at(self, step: int) -> int:
        """Words of the buffers that are needed in a step."""
        return sum(b.words for b in self.buffers if b.first <= step <= b.last)


def place(buffers: Sequence[Buffer], start: int) -> Placement:
    """First fit from address `start` on, in the better one of two orders: the largest first, or as they come."""
    orders = (lambda b: (-b.words, b.first), lambda b: (b.first, -b.words))
    tried = [_fit(sorted(buffers, key=order), start) for order in orders]
    return min(tried, key=lambda placement: placement.words)


def _fit(buffers: Sequence[Buffer], start: int) -> Placement:
    bases: dict[str, int] = {}
    placed: list[Buffer] = []
    for buffer in buffers:
        taken = sorted((bases[b.name], bases[b.name] + b.words) for b in placed if b.meets(buffer))
        at = start
        for low, high in taken:
            if low >= at + buffer.words:
                break
            at = max(at, high)
        bases[buffer.name] = at
        placed.append(buffer)
    end = max((bases[b.name] + b.words for b in buffers), default=start)
    return Placement(bases=bases, buffers=list(buffers), words=end)
