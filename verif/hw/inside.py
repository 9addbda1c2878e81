"""The inside of a component: its signals and parts by their names, for proofs and for faults."""

from collections.abc import Callable
from typing import Any

from amaranth import Fragment, Instance, Signal, Value
from amaranth.hdl import ValueLike
from amaranth.hdl._ast import Assign, SignalSet, Statement, Switch
from amaranth.hdl._xfrm import StatementTransformer, ValueTransformer

from hw.component import Component


class Inside:
    """What an elaborated component has inside, as attributes.

    A member is known by its flattened name (``tiles__valid``), a signal by its own name, a part by its label. Where a
    member is named as a register that it shows, the name is that of the register.

    Raises ``AttributeError``, which lists all names, for one that there is not, or not just once.
    """

    def __init__(self, component: Any, fragment: Any):  # the stubs know little of fragments
        self._fragment = fragment
        parts = [part for part, _, _ in fragment.subfragments]
        self._parts = {str(label): part for part, label, _ in fragment.subfragments}
        self._signals: dict[str, list[Value]] = {}
        signature = component.signature
        members = {"__".join(map(str, path)): value for path, _, value in signature.flatten(component)}
        ports = SignalSet(Value.cast(value) for value in members.values())
        for signal in _signals(fragment) - _all_signals(parts) - ports:
            self._signals.setdefault(signal.name, []).append(signal)
        for name, value in members.items():
            self._signals.setdefault(name, [Value.cast(value)])

    @classmethod
    def of(cls, component: Component) -> "Inside":
        """The inside of a component that is elaborated here, with its parts as plain submodules."""
        return cls(component, Fragment.get(component, None))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = self._signals.get(name, [])
        if len(found) == 1:
            return found[0]
        if name in self._parts:
            part = self._parts[name]
            return _Ports(part) if isinstance(part, Instance) else Inside(part.origins[0], part)
        names = ", ".join(sorted({*self._signals, *self._parts}))
        raise AttributeError(f"{name!r} names {len(found)} things inside; there are: {names}")

    def drive(self, name: str, wrong: Callable[[Signal], ValueLike]) -> None:
        """Give a signal another value: `wrong` of what it would be; of a register, of what it would be next."""
        signal = getattr(self, name)
        (domain,) = (
            key for key, statements in self._fragment.statements.items() if signal in statements._lhs_signals()
        )
        was = Signal(signal.shape(), init=signal.init, name=f"{name}_was")
        redirected = _redirected(self._fragment.statements[domain], signal, was)
        if domain != "comb":
            redirected.insert(0, was.eq(signal))
        self._fragment.add_statements("comb", *redirected)
        self._fragment.add_statements(domain, signal.eq(wrong(was)))

    def survives_reset(self, name: str) -> None:
        """Leave a register as it is in reset."""
        getattr(self, name)._reset_less = True  # Amaranth has no other way once the signal is made

    def instance(self, label: str, module: str, **ports: Any) -> None:
        """Add an instance of a foreign Verilog module."""
        self._fragment.add_subfragment(Instance(module, **ports), label)


class _Ports:
    """What a parent knows of an instance: its ports, as attributes."""

    def __init__(self, instance: Any):
        self._ports = instance.ports

    def __getattr__(self, name: str) -> Value:
        if name not in self._ports:
            raise AttributeError(f"{name!r} is no port; there are: {', '.join(sorted(self._ports))}")
        return self._ports[name][0]


class _Target(ValueTransformer):
    """Puts one signal in the place of another, and nothing that counts in that of others."""

    def __init__(self, old: Signal, new: Signal):
        self._old, self._new = old, new

    def on_Signal(self, value: Signal) -> Signal:  # noqa: N802  (Amaranth's name)
        return self._new if value is self._old else Signal.like(value)


def _redirected(statements: Any, old: Signal, new: Signal) -> list[Statement]:
    """Those of the statements that drive `old`, so that they drive `new`."""
    found: list[Statement] = []
    for statement in statements:
        if old not in statement._lhs_signals():
            continue
        if isinstance(statement, Switch):
            switch: Any = statement
            cases: Any = [(patterns, _redirected(inner, old, new), where) for patterns, inner, where in switch.cases]
            found.append(Switch(switch.test, cases))
        else:
            found.append(Assign(_Target(old, new).on_value(statement.lhs), statement.rhs))
    return found


class _Collector(ValueTransformer, StatementTransformer):
    """Collects the signals of statements."""

    def __init__(self) -> None:
        self.found = SignalSet()

    def on_Signal(self, value: Signal) -> Signal:  # noqa: N802  (Amaranth's name)
        self.found.add(value)
        return value


def _signals(fragment: Any) -> SignalSet:
    """The signals of a fragment's own statements."""
    collector = _Collector()
    for statements in fragment.statements.values():
        collector.on_statement(statements)
    return collector.found


def _all_signals(parts: list[Any]) -> SignalSet:
    """The signals of fragments, and of all that is inside of them."""
    found = SignalSet()
    for part in parts:
        found |= _signals(part) | _all_signals([inner for inner, _, _ in part.subfragments])
    return found
