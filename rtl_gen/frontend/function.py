"""Functions of one value: what the integer network runs as two bounds, or as a table of all codes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

erf = np.vectorize(math.erf, otypes=[np.float64])


def _gelu(x: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def _hard_sigmoid(x: Any, alpha: float = 0.2, beta: float = 0.5) -> Any:
    return np.clip(alpha * x + beta, 0, 1)


def _selu(x: Any, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Any:
    return gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _shrink(x: Any, bias: float = 0.0, lambd: float = 0.5) -> Any:
    return np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0))


# By the name of the ONNX operator, with its attributes and their defaults.
FORMULAS: dict[str, Callable[..., Any]] = {
    "Abs": np.abs,
    "Add": np.add,
    "Celu": lambda x, alpha=1.0: np.maximum(x, 0) + np.minimum(alpha * np.expm1(np.minimum(x, 0) / alpha), 0),
    "Clip": np.clip,
    "Div": np.divide,
    "Elu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "Erf": erf,
    "Exp": np.exp,
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda x: x * _hard_sigmoid(x, 1 / 6, 0.5),
    "LeakyRelu": lambda x, alpha=0.01: np.where(x < 0, alpha * x, x),
    "Log": np.log,
    "Mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "Mul": np.multiply,
    "Neg": np.negative,
    "Pow": np.power,
    "Reciprocal": np.reciprocal,
    "Selu": _selu,
    "Shrink": _shrink,
    "Sigmoid": lambda x: np.exp(-np.logaddexp(-x, 0)),
    "Sign": np.sign,
    "Softplus": lambda x: np.logaddexp(x, 0),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Tanh": np.tanh,
    "ThresholdedRelu": lambda x, alpha=1.0: np.where(x > alpha, x, 0),
}
LINEAR = ("Add", "Sub", "Mul", "Div", "Neg")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One operator of a function: `operands` are positions of earlier values (int; 0 is x) or constants (float)."""

    op: str
    operands: tuple[int | float, ...]
    parameters: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function of one value x, as steps: step j makes value j + 1, the last one is the result; none: x itself.

    >>> f = Function().then("Clip", 0, 0.0, 6.0)
    >>> f.bounds, f(np.array([-1.0, 3.0, 9.0])).tolist()
    ((0.0, 6.0), [0.0, 3.0, 6.0])
    """

    steps: tuple[Step, ...] = ()

    def __call__(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """The function of each element, in float64."""
        values: list[Any] = [np.asarray(x, np.float64)]
        with np.errstate(all="ignore"):
            for step in self.steps:
                operands = [values[at] if isinstance(at, int) else at for at in step.operands]
                values.append(np.asarray(FORMULAS[step.op](*operands, **dict(step.parameters)), np.float64))
        return values[-1]

    @property
    def bounds(self) -> tuple[float, float] | None:
        """(low, high) if the function does no more than to clip; None if it takes a table."""
        if not self.steps:
            return -math.inf, math.inf
        first, *others = self.steps
        if others or first.op != "Clip":
            return None
        _, low, high = first.operands
        return float(low), float(high)

    @property
    def name(self) -> str:
        """The function's usual name, if it is one operator's."""
        return " ".join(step.op for step in self.steps) or "identity"

    def then(self, op: str, *operands: int | float, **parameters: Any) -> "Function":
        """This function, then an operator; of its operands 0 (an int) is this function's result."""
        last = len(self.steps)
        step = Step(
            op=op,
            operands=tuple(last if isinstance(at, int) else float(at) for at in operands),
            parameters=tuple(sorted(parameters.items())),
        )
        bounds = self.bounds
        if op == "Clip" and self.steps and bounds is not None:
            low, high = step.operands[1:]
            merged = (min(max(bounds[0], low), high), min(max(bounds[1], low), high))
            return Function().then("Clip", 0, *merged)
        return Function(steps=(*self.steps, step))

    def after(self, first: "Function") -> "Function":
        """`first`, then this function."""
        if not first.steps or not self.steps:
            return self if not first.steps else first
        if self.bounds is not None:
            return first.then("Clip", 0, *self.bounds)
        return Function(steps=(*first.steps, *_shifted(self.steps, len(first.steps), start=len(first.steps))))

    def combined(self, other: "Function", op: str) -> "Function":
        """`op` of this function and another one of the same x."""
        size = len(self.steps)
        steps = (*self.steps, *_shifted(other.steps, size, start=0))
        right = size + len(other.steps) if other.steps else 0
        return Function(steps=(*steps, Step(op=op, operands=(size, right))))

    def peeled(self) -> tuple[float, float, "Function"]:
        """(scale, shift, rest): the function is rest(scale * x + shift), as much of it in scale and shift as can be."""
        scale, shift, steps = 1.0, 0.0, self.steps
        while steps and steps[0].op in LINEAR and not any(0 in _positions(step) for step in steps[1:]):
            line = _line(steps[0])
            if line is None:
                break
            scale, shift = scale * line[0], shift * line[0] + line[1]
            steps = tuple(
                Step(
                    op=step.op,
                    operands=tuple(at - 1 if isinstance(at, int) else at for at in step.operands),
                    parameters=step.parameters,
                )
                for step in steps[1:]
            )
        return scale, shift, Function(steps=steps)


def _positions(step: Step) -> tuple[int, ...]:
    return tuple(at for at in step.operands if isinstance(at, int))


def _shifted(steps: tuple[Step, ...], by: int, *, start: int) -> tuple[Step, ...]:
    """Steps for another place in a list: x becomes value `start`, later values move up by `by`."""
    return tuple(
        Step(
            op=step.op,
            operands=tuple((start if at == 0 else at + by) if isinstance(at, int) else at for at in step.operands),
            parameters=step.parameters,
        )
        for step in steps
    )


def _line(step: Step) -> tuple[float, float] | None:
    """(scale, shift) of a step that is a straight line of x with finite coefficients."""
    if step.op == "Neg":
        return -1.0, 0.0
    left, right = step.operands
    if isinstance(left, int) and isinstance(right, int):
        return {"Add": (2.0, 0.0), "Sub": (0.0, 0.0)}.get(step.op)
    constant = right if isinstance(left, int) else left
    if step.op == "Add":
        line = (1.0, float(constant))
    elif step.op == "Mul":
        line = (float(constant), 0.0)
    elif step.op == "Sub":
        line = (1.0, -float(constant)) if isinstance(left, int) else (-1.0, float(constant))
    else:
        line = (1.0 / constant, 0.0) if isinstance(left, int) and constant else (math.nan, math.nan)
    return line if all(map(math.isfinite, line)) else None
