"""The configuration of an array of a baseline's numbers."""

from dataclasses import dataclass
from typing import Any, TypeVar

from hw.config import ArrayConfig, BaseArrayConfig
from sw_ref.baseline import AnyBaseline, ApotFormat, BaselineFormat, IntegerFormat, TwoWordFormat
from sw_ref.format import StlqFormat, parameters_of

FORMATS = {cls.__name__: cls for cls in (StlqFormat, IntegerFormat, ApotFormat, TwoWordFormat)}

FormatT = TypeVar("FormatT", bound=BaselineFormat)


@dataclass(frozen=True, kw_only=True)
class BaselineConfig(BaseArrayConfig):
    """An array of a baseline's numbers: tiles have one word each.

    Where a lane takes an adder to itself, an adder of a chain has nothing of a lane's to take in, and only a tree is
    left. So it is with all but terms that are one shift each.
    """

    format: AnyBaseline

    @property
    def longest_chain(self) -> int:
        one_shift = isinstance(self.format, TwoWordFormat) or (
            isinstance(self.format, ApotFormat) and self.format.bits == 3
        )
        return super().longest_chain if one_shift else 1

    def format_as(self, kind: type[FormatT]) -> FormatT:
        """The format, which must be of `kind`. Raises ``TypeError`` if it is not."""
        if not isinstance(self.format, kind):
            raise TypeError(f"format is {self.format!r}; allowed: {kind.__name__}")
        return self.format


def setup_of(config: BaseArrayConfig) -> dict[str, Any]:
    """A configuration of any format as plain data."""
    return {"kind": type(config.format).__name__, "config": config.to_dict()}


def config_from(setup: dict[str, Any]) -> BaseArrayConfig:
    """The inverse of :func:`setup_of`."""
    kind, values = FORMATS[setup["kind"]], dict(setup["config"])
    fmt: Any = kind(**{name: values.pop(name) for name in parameters_of(kind)})
    return ArrayConfig(format=fmt, **values) if kind is StlqFormat else BaselineConfig(format=fmt, **values)
