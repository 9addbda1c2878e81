"""Components, and how one instantiates another: as a submodule, or as an instance of its Verilog module."""

from collections.abc import Iterator
from typing import Any

from amaranth import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring


class Component(wiring.Component):
    """A component that may be a Verilog module of its own.

    Parameters
    ----------
    members : dict or wiring.Signature
        Its members.
    module : str
        Name of its Verilog module; components of equal class and parameters share it. Without a name it is always a
        submodule of what instantiates it.
    clocked : bool
        Whether it has registers, and so the ports `clk` and `rst`.
    """

    keep_hierarchy = False  # synthesis leaves its module a module

    def __init__(self, members: dict[str, Any] | wiring.Signature, *, module: str = "", clocked: bool = True):
        self.module = module
        self.clocked = clocked
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """The component's contents, for `platform` as in :func:`instantiate`."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        # Members are made from the signature at run time, so type checkers do not know them.
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


class Modules:
    """The platform of Verilog: holds one component for each module, and grows while these are elaborated.

    A 64 x 64 array is thus written as fast as its wiring, and its text has each module once.
    """

    def __init__(self) -> None:
        self._components: dict[tuple[Any, ...], Component] = {}

    def add(self, kind: type[Component], *parameters: Any) -> Component:
        """The component of this class and these parameters, which is made once, and has a module of its own."""
        key = (kind, *parameters)
        if key not in self._components:
            self._components[key] = kind(*parameters)
        return self._components[key]

    def __iter__(self) -> Iterator[Component]:
        """All components, those too that are added meanwhile."""
        done = 0
        while done < len(self._components):
            yield list(self._components.values())[done]
            done += 1


def instantiate(m: Module, platform: object, label: str, kind: type[Component], *parameters: Any) -> Any:
    """Add ``kind(*parameters)``, which has a module name, to `m` as `label`; returns its interface.

    For the platform :class:`Modules` it becomes an instance of a Verilog module, for any other one a submodule.
    """
    if not isinstance(platform, Modules):
        m.submodules[label] = submodule = kind(*parameters)
        return submodule
    component = platform.add(kind, *parameters)
    interface: Any = component.signature.create(path=(label,))
    ports = {
        f"{'i' if member.flow is wiring.In else 'o'}_{'__'.join(map(str, path))}": value
        for path, member, value in interface.signature.flatten(interface)
    }
    clock = {"i_clk": ClockSignal(), "i_rst": ResetSignal()} if component.clocked else {}
    m.submodules[label] = Instance(component.module, **clock, **ports)
    return interface
