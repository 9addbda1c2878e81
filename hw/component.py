"""The base of all parts of the array."""

from typing import TYPE_CHECKING, Any

from amaranth.lib import wiring

if TYPE_CHECKING:

    class Component(wiring.Component):
        """A component whose members, made from its signature at run time, are unknown to type checkers."""

        def __getattr__(self, name: str) -> Any: ...

else:
    Component = wiring.Component
