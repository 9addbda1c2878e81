"""Sections of a program: how many of their bus words were taken."""

from typing import Any

from amaranth import Module, Mux, Signal, Value


class Sections:
    """Counts the bus words of one section after the other, in the module `m`.

    `slot`: the place of the next bus word in its section, of up to `longest` bus words. `entry`: how many sections of a
    store are complete, of up to `entries`.
    """

    def __init__(self, m: Module, *, longest: int, entries: int):
        self._m = m
        self.slot = Signal(range(longest), name="slot")
        self.entry = Signal(range(entries), name="entry")

    def read(self, take: Value, slots: int) -> Value:
        """Read a section of `slots` bus words, one where `take` is 1; whether its last one is taken."""
        last = self.slot == slots - 1
        with self._m.If(take):
            self._m.d.sync += self.slot.eq(self.slot + 1)
            with self._m.If(last):
                self._m.d.sync += self.slot.eq(0)
        return take & last

    def fill(self, take: Value, store: Any, entries: int) -> Value:
        """Pass `entries` sections on to a store, its `Fill`; whether the last bus word of the last one is taken."""
        return self.count(self.pass_on(take, store), entries)

    def pass_on(self, take: Value, store: Any) -> Value:
        """Pass a section on to a store; whether its last bus word is taken."""
        self._m.d.comb += store.slot.eq(take << self.slot)
        return self.read(take, len(store.slot))

    def count(self, done: Value, entries: int) -> Value:
        """Count `entries` entries, of which one is complete where `done` is 1; whether the last one is."""
        last = self.entry == entries - 1
        following = self.entry + 1
        with self._m.If(done):
            # Where it wraps by itself, nothing clears it.
            self._m.d.sync += self.entry.eq(following if entries == 1 << len(self.entry) else Mux(last, 0, following))
        return done & last
