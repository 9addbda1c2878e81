"""The graph of a network: what was computed from what, seen while it runs once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sw_ref.export import Node
from sw_ref.train.layers import Batch, call, evaluating


@dataclass
class Graph:
    """`nodes` in order of execution; `returned`: the names of those whose tensors the model returns.

    `axes`: how many axes the (first) tensor of each node has.  `constants`: tensors that functions take and no node
    made, by name: parameters and buffers of the model by their own, others "constant_0"...
    `values`: what the inputs and the nodes with one tensor held, and `calls`: what does a function again, for another
    tensor in the place of its only one; both empty unless they were asked for.
    """

    nodes: list[Node]
    returned: list[str]
    axes: dict[str, int]
    constants: dict[str, Tensor]
    values: dict[str, Tensor]
    calls: dict[str, Callable[[Tensor], Any]]

    def runs_once(self, module: str) -> bool:
        """Whether a module is one node, which has its name then."""
        return sum(node.module == module for node in self.nodes) == 1


def record_graph(model: nn.Module, layers: Iterable[str], batch: Batch, *, values: bool = False) -> Graph:
    """The graph of one run of `model` in evaluation mode on `batch`.

    The `layers`, and PyTorch's own modules without parts, are one node each; elsewhere every function is one.
    `values`: keep copies of all tensors, and the functions.
    """
    modules = dict(model.named_modules())
    own_tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    recorder = _Recorder(batch, modules, own_tensors, values)
    leaves, hooks = set(layers), []
    for name, module in modules.items():
        own = type(module).__module__.startswith("torch.nn.modules") and not list(module.children())
        if name in leaves or own:
            hooks += recorder.watch(name, module)
    try:
        with evaluating(model), torch.no_grad(), recorder:
            output = call(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    returned = recorder.known(output)
    return Graph(recorder.nodes, returned, recorder.axes, recorder.constants, recorder.values, recorder.calls)


class _Recorder(TorchFunctionMode):
    """Sees every function on tensors, and through hooks the modules that count as one node."""

    def __init__(
        self, batch: Batch, reserved: Iterable[str], own_tensors: Mapping[str, Tensor], keeps_values: bool
    ) -> None:
        """`reserved`: names that no other node gets; `own_tensors`: the model's, which keep their names."""
        super().__init__()
        self.nodes: list[Node] = []
        self.constants: dict[str, Tensor] = {}
        self.own_names = {id(tensor): name for name, tensor in own_tensors.items()}
        self.taken = {*reserved, *own_tensors}
        self.names: dict[int, str] = {}
        self.axes: dict[str, int] = {}
        self.keeps_values = keeps_values
        self.values: dict[str, Tensor] = {}
        self.calls: dict[str, Callable[[Tensor], Any]] = {}
        self.kept: list[Tensor] = []  # while a tensor lives, its id is its own
        self.inside = 0
        self.sources: list[list[str]] = []
        for number, tensor in enumerate(tensors([batch])):
            name = self._unused(f"input_{number}")
            self._name(tensor, name)
            self._keep(name, tensor)

    def watch(self, name: str, module: nn.Module) -> list[Any]:
        """Hooks that record the module as one node, before any other hook changes its inputs."""

        def enter(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if not self.inside:
                self.sources.append(self._sources((*args, *kwargs.values())))
            self.inside += 1

        def leave(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            self.inside -= 1
            if not self.inside:
                op = type(module).__name__.removeprefix("Parametrized")
                constants = [] if hasattr(module, "weight") else getattr(module, "__constants__", [])
                options = {key: _plain(getattr(module, key)) for key in constants if hasattr(module, key)}
                own = self._unused(name) if any(node.module == name for node in self.nodes) else name
                self._add(Node(own, op, self.sources.pop(), options | _call_options(args, kwargs), name), output)
                self.calls |= {own: module} if self.keeps_values else {}

        before = module.register_forward_pre_hook(enter, prepend=True, with_kwargs=True)
        return [before, module.register_forward_hook(leave, with_kwargs=True)]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        sources = [] if self.inside else self._sources((*args, *kwargs.values()))
        output = func(*args, **kwargs)
        name = getattr(func, "__name__", str(func))
        if name == "__get__":  # a property: x.mT
            name = getattr(getattr(func, "__self__", None), "__name__", name)
        made = args[0] if name == "__setitem__" else output
        if sources and tensors([made]):
            own = self._unused(f"{name}_{len(self.nodes)}")
            self._add(Node(own, name, sources, _call_options(args, kwargs)), made)
            if self.keeps_values and len(tensors([args, kwargs])) == 1:
                self.calls[own] = partial(_again, func, args, kwargs)
        return output

    def _sources(self, values: Any) -> list[str]:
        """The names of all tensors in `values`; nothing if none depends on the model's inputs."""
        if not self.known(values):
            return []
        for tensor in tensors(values):
            if id(tensor) not in self.names:
                name = self.own_names.get(id(tensor)) or self._unused(f"constant_{len(self.constants)}")
                self.constants[name] = tensor.detach().clone()
                self._name(tensor, name)
        return self.known(values)

    def known(self, values: Any) -> list[str]:
        """The names of the tensors in `values` that have one."""
        return [self.names[id(t)] for t in tensors(values) if id(t) in self.names]

    def _unused(self, name: str) -> str:
        """`name`, or the first of "name:2"... that is no other node's; taken from here on."""
        numbered = (f"{name}:{number}" for number in count(2))
        own = next(candidate for candidate in chain((name,), numbered) if candidate not in self.taken)
        self.taken.add(own)
        return own

    def _add(self, node: Node, output: Any) -> None:
        self.nodes.append(node)
        if len(tensors(output)) == 1:
            self._keep(node.name, tensors(output)[0])
        for tensor in tensors(output):
            self.axes.setdefault(node.name, tensor.ndim)
            self._name(tensor, node.name)

    def _keep(self, name: str, tensor: Tensor) -> None:
        # A copy: a function that works in place may write over the tensor.
        self.values |= {name: tensor.detach().clone()} if self.keeps_values else {}

    def _name(self, tensor: Tensor, name: str) -> None:
        self.kept.append(tensor)
        self.names[id(tensor)] = name


def tensors(values: Any) -> list[Tensor]:
    """All tensors in `values`: in tuples, lists and values of dictionaries, too."""
    if isinstance(values, Mapping):
        values = list(values.values())
    if isinstance(values, (tuple, list)):
        return [tensor for value in values for tensor in tensors(value)]
    return [values] if isinstance(values, Tensor) else []


def _again(func: Callable[..., Any], args: Any, kwargs: dict[str, Any], tensor: Tensor) -> Any:
    """A function with another tensor in the place of the only one that it was given."""
    args = [tensor.clone() if isinstance(value, Tensor) else value for value in args]
    return func(*args, **{key: tensor.clone() if isinstance(v, Tensor) else v for key, v in kwargs.items()})


def _call_options(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call besides tensors: "args", those by position, and those by name."""
    plain = [_plain(value) for value in args if not tensors(value)]
    by_name = {key: _plain(value) for key, value in kwargs.items() if not tensors(value)}
    return ({"args": plain} if plain else {}) | by_name


def _plain(value: Any) -> Any:
    """`value` as JSON holds it: lists for tuples, text for what it cannot hold."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
