"""The methods that can be compared: each one a declaration of where it differs from the others."""

from dataclasses import dataclass, fields, replace
from typing import Any

from sw_ref.format import StlqFormat
from sw_ref.quantize.tensor import SCALES
from sw_ref.tiling import GRANULARITIES, Selection

WEIGHTS = ("float", "words", "uniform", "apot")
BUDGETS = ("layer", "threshold", "cycles")
ANNEALS = ("outside", "inside", "none")
RESIDUAL_GRADIENTS = ("cancel", "through")
ORDERS = ("together", "ranked")


@dataclass(frozen=True, kw_only=True)
class Method:
    """How weights become levels, which tiles get two words, and what training does to the others.

    `weights`: "float" (nothing is quantized, activations neither), "words" (one or two powers of two), "uniform" or
    "apot" with `bits` (None: the format's).  `trains`: false if the result is complete without fine-tuning.
    `literal`: the paper's formulas (residual_shift 0, U = max); `scale`: how U is found; `per_channel`: one scale (of
    uniform and APoT levels too) per output channel, which costs the array nothing, or one per layer, as in the paper.

    `ratio`: fixed share of two-word tiles (None: the caller's).  `budget`: "layer" (the same share of each layer),
    "threshold" (blocks of the whole network above one residual norm) or "cycles" (blocks of the whole network by
    what they are worth to the task loss per cycle); the last two use the cycles that the ratio would use.
    `granularity`: of the blocks (None: the caller's).  `reorder`: gather what gains from second words by reordering
    channels; needs budget "cycles".

    `anneal`: how v acts on a residual: "inside", LogQ(r1 * v); "outside", v * LogQ(r1); "none", v is left out.
    `anneal_end`: progress at which v is 0; `order`: all of v falls "together", or "ranked", small residuals first.
    `residual_gradient`: "cancel" (r1 passes nothing to w, whether detached or not) or "through" (r1 passes C + v).
    """

    name: str
    weights: str = "words"
    bits: int | None = None
    trains: bool = True
    literal: bool = False
    scale: str = "search"
    per_channel: bool = True
    ratio: float | None = None
    budget: str = "layer"
    granularity: str | None = None
    reorder: bool = False
    anneal: str = "outside"
    anneal_end: float = 0.5
    order: str = "together"
    residual_gradient: str = "cancel"

    def __post_init__(self) -> None:
        allowed = {
            "weights": WEIGHTS,
            "budget": BUDGETS,
            "anneal": ANNEALS,
            "order": ORDERS,
            "residual_gradient": RESIDUAL_GRADIENTS,
            "scale": SCALES,
            "granularity": (None, *GRANULARITIES),
        }
        for field, values in allowed.items():
            if getattr(self, field) not in values:
                raise ValueError(f"{field} is {getattr(self, field)!r}; allowed: {', '.join(map(str, values))}")
        if self.reorder and self.budget != "cycles":
            raise ValueError(f"budget is {self.budget!r}; allowed with reorder: 'cycles'")
        low, high = {"uniform": (2, 8), "apot": (3, 5)}.get(self.weights, (0, 0))
        if self.bits is not None and not low <= self.bits <= high:
            allowed_bits = f"{low} to {high}" if low else "None"
            raise ValueError(f"bits is {self.bits}; allowed for {self.weights} weights: {allowed_bits}")
        if self.ratio is not None:
            Selection(ratio=self.ratio)
        if not 0 < self.anneal_end <= 1:
            raise ValueError(f"anneal_end is {self.anneal_end!r}; allowed: above 0, up to 1")

    @property
    def exports(self) -> bool:
        """Whether the result is words that the array reads."""
        return self.weights == "words"

    def format(self, fmt: StlqFormat) -> StlqFormat:
        """`fmt` as this method uses it: in literal mode both words share U."""
        return replace(fmt, residual_shift=0) if self.literal else fmt


# First what decides whether the method holds: a campaign takes them in this order.
_ALL = (
    Method(name="two-word", ratio=1.0, anneal="none"),
    Method(name="stlq"),
    Method(name="stlq-cycles", budget="cycles", anneal="none"),
    Method(name="filter-threshold", budget="threshold", granularity="filter", anneal="none"),
    Method(name="no-v", anneal="none"),
    Method(name="one-word", ratio=0.0, anneal="none"),
    Method(name="lsq3", weights="uniform", bits=3, ratio=0.0),
    Method(name="apot3", weights="apot", bits=3, ratio=0.0),
    Method(name="float", weights="float", ratio=0.0),
    Method(name="ptq", trains=False, anneal="none"),
    Method(name="stlq-cycles-reorder", budget="cycles", reorder=True, anneal="none"),
    Method(name="stlq-literal", literal=True, scale="max", per_channel=False, anneal="inside"),
    Method(name="deepshift", literal=True, scale="power_of_two", per_channel=False, ratio=0.0, anneal="none"),
    Method(name="lsq4", weights="uniform", bits=4, ratio=0.0),
)
METHODS = {method.name: method for method in _ALL}


def find_method(method: "str | Method") -> Method:
    """A method by its name, or itself; ``ValueError`` for an unknown name.

    A name may change single choices of a method: "stlq+anneal_end=0.25+order=ranked".
    """
    if isinstance(method, Method):
        return method
    base, *changes = method.split("+") if isinstance(method, str) else [method]
    if base not in METHODS:
        raise ValueError(f"method is {base!r}; allowed: {', '.join(METHODS)}")
    return replace(METHODS[base], name=method, **dict(map(_change, changes)))


def _change(text: str) -> tuple[str, Any]:
    """ "anneal_end=0.25" as a field of :class:`Method` and its value."""
    name, _, value = text.partition("=")
    types = {field.name: field.type for field in fields(Method) if field.name != "name"}
    if name not in types:
        raise ValueError(f"method changes {name!r}; allowed: {', '.join(types)}")
    read, allowed = {
        bool: (_truth, "true, false"),
        float: (float, "a number"),
        float | None: (float, "a number"),
        int | None: (int, "a whole number"),
    }.get(types[name], (str, ""))
    try:
        return name, read(value)
    except (KeyError, ValueError):
        raise ValueError(f"{name} is {value!r}; allowed: {allowed}") from None


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text]
