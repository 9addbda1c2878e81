"""Sections of a program: how many of their bus words were taken."""

from typing import Any

from amaranth import Module, Signal, Value


class Sections:
    """Counts the bus words of one section after the other, in the module `m`.

    `slot`: the place of the next bus word in its section, of up to `longest` bus words. `entry`: how many sections of a
    store are complete, of up to `entries`.
    """

    def __init__(self, m: Module, *, longest: int, entries: int):
        self._m = m
        self.slot = Signal(range(longest), name="slot")
        self.entry = Signal(range(entries), name="entry")
        self._take, self._last = Signal(name="take_slot"), Signal(name="last_slot")
        self._done, self._end = Signal(name="entry_done"), Signal(name="last_entry")
        # The last statement clears: so it becomes the registers' reset.
        for count, step, last in ((self.slot, self._take, self._last), (self.entry, self._done, self._end)):
            with m.If(step):
                m.d.sync += count.eq(count + 1)
            with m.If(step & last):
                m.d.sync += count.eq(0)

    def read(self, take: Value, slots: int) -> Value:
        """Read a section of `slots` bus words, one where `take` is 1; whether its last one is taken."""
        self._m.d.comb += [self._take.eq(take), self._last.eq(self.slot == slots - 1)]
        return take & (self.slot == slots - 1)

    def fill(self, take: Value, store: Any, entries: int) -> Value:
        """Pass `entries` sections on to a store, its `Fill`; whether the last bus word of the last one is taken."""
        return self.count(self.pass_on(take, store), entries)

    def pass_on(self, take: Value, store: Any) -> Value:
        """Pass a section on to a store; whether its last bus word is taken."""
        self._m.d.comb += store.slot.eq(take << self.slot)
        return self.read(take, len(store.slot))

    def count(self, done: Value, entries: int) -> Value:
        """Count `entries` entries, of which one is complete where `done` is 1; whether the last one is."""
        self._m.d.comb += [self._done.eq(done), self._end.eq(self.entry == entries - 1)]
        return done & (self.entry == entries - 1)
