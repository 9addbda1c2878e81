"""Parts that more than the reset of the whole resets."""

from collections.abc import Callable
from typing import Any

from amaranth import ClockDomain, ClockSignal, DomainRenamer, Module, ResetInserter, ResetSignal, Value

from hw.component import Modules


def add_restarted(m: Module, platform: object, parts: dict[str, Any], reset: Value) -> None:
    """Add parts to `m`, by label, that `reset` resets, too."""
    change: Callable[[Any], Any] = ResetInserter(reset)
    if isinstance(platform, Modules):
        # Instances take the reset of their domain, which knows nothing of a ResetInserter.
        m.domains.run = ClockDomain()
        m.d.comb += [ClockSignal("run").eq(ClockSignal()), ResetSignal("run").eq(ResetSignal() | reset)]
        change = DomainRenamer("run")
    for label, part in parts.items():
        m.submodules[label] = change(part)
