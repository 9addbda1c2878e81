"""From sums to codes: the one formula that every operator with arithmetic ends with.

v = S + bias
y = (v * multiplier + (r - z_r) * add_multiplier + 2^(shift - 1)) >> shift
code = table[clip(y + z_out, low, high)]
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.network.multiplier import SHIFT_MAX, allowed, are_allowed

BIAS_BITS = 48
PARTS = {"bias": np.int64, "multiplier": np.int32, "shift": np.uint8, "add_multiplier": np.int32}


def code_dtype(act_bits: int) -> type[np.uint8] | type[np.uint16]:
    """The type of codes in arrays and files: uint8 up to 8 bits, uint16 above."""
    return np.uint8 if act_bits <= 8 else np.uint16


@dataclass(frozen=True, kw_only=True, eq=False)
class Requantizer:
    """The parameters of the formula, one of each per output channel.

    `bias`: int64 (C,), signed 48 bits.  `multiplier`: int32 (C,) and `shift`: uint8 (C,), 0 to 47; or (rows, C) where
    the operator has rows of them.  `add_multiplier`: int32 (C,), if a tensor is added.  `low` and `high`: the codes
    that the clipping leaves.  `table`: uint8 or uint16 (2^A,), if there is one.

    Raises ``ValueError`` with the part that is wrong.
    """

    bias: NDArray[np.int64]
    multiplier: NDArray[np.int32]
    shift: NDArray[np.uint8]
    add_multiplier: NDArray[np.int32] | None = None
    low: int = 0
    high: int
    table: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        for part, array in self.arrays().items():
            if part in PARTS and array.dtype != PARTS[part]:
                raise ValueError(f"{part} is {array.dtype}; allowed: {np.dtype(PARTS[part])}")
        if self.bias.ndim != 1 or not self.bias.size:
            raise ValueError(f"bias has shape {self.bias.shape}; allowed: (C,)")
        if self.multiplier.ndim not in (1, 2) or self.multiplier.shape[-1:] != self.bias.shape:
            raise ValueError(f"multiplier has shape {self.multiplier.shape}; allowed: {self.bias.shape} or rows of it")
        self._check_shape("shift", self.multiplier.shape)
        if self.add_multiplier is not None:
            self._check_shape("add_multiplier", self.bias.shape)
        self._check_values()

    def _check_shape(self, part: str, shape: tuple[int, ...]) -> None:
        if getattr(self, part).shape != shape:
            raise ValueError(f"{part} has shape {getattr(self, part).shape}; allowed: {shape}")

    def _check_values(self) -> None:
        limit = 1 << (BIAS_BITS - 1)
        for extreme in (int(self.bias.min()), int(self.bias.max())):
            if not -limit <= extreme < limit:
                raise ValueError(f"bias is {extreme}; allowed: {-limit} to {limit - 1}")
        if self.shift.size and self.shift.max() > SHIFT_MAX:
            raise ValueError(f"shift is {self.shift.max()}; allowed: 0 to {SHIFT_MAX}")
        for part, add in (("multiplier", False), ("add_multiplier", True)):
            values = getattr(self, part)
            if values is not None and not (good := are_allowed(values, add=add)).all():
                raise ValueError(f"{part} is {values[~good][0]}; allowed: {allowed(add=add)}")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that there are, by the name of their part."""
        parts = {part: getattr(self, part) for part in (*PARTS, "table")}
        return {part: array for part, array in parts.items() if array is not None}

    def check_format(self, fmt: StlqFormat) -> None:
        """Raise ``ValueError`` if limits or table do not suit the width of codes."""
        for name in ("low", "high"):
            value = getattr(self, name)
            if type(value) is not int or not fmt.act_min <= value <= fmt.act_max:
                raise ValueError(f"{name} is {value!r}; allowed: {fmt.act_min} to {fmt.act_max}")
        if self.low > self.high:
            raise ValueError(f"low is {self.low}; allowed: up to high, {self.high}")
        if self.table is not None:
            dtype = np.dtype(code_dtype(fmt.act_bits))
            if self.table.dtype != dtype or self.table.shape != (1 << fmt.act_bits,):
                raise ValueError(
                    f"table is {self.table.dtype} {self.table.shape}; allowed: {dtype} ({1 << fmt.act_bits},)"
                )
            if self.table.max() > fmt.act_max:
                raise ValueError(f"table holds {self.table.max()}; allowed: up to {fmt.act_max}")

    def check_range(self, lowest: NDArray[np.int64], highest: NDArray[np.int64], added: int) -> None:
        """Raise ``ValueError`` if sums from `lowest` to `highest` per channel could overflow 64 bits on the way.

        `added`: largest magnitude of r - z_r.
        """
        for channel, (bias, low, high) in enumerate(
            zip(*(a.tolist() for a in (self.bias, lowest, highest)), strict=True)
        ):
            v = max(abs(low + bias), abs(high + bias))
            more = abs(int(self.add_multiplier[channel])) * added if self.add_multiplier is not None else 0
            factor = int(np.abs(self.multiplier[..., channel]).max())
            total = v * factor + more + (1 << SHIFT_MAX)
            if total >= 1 << 62:
                raise ValueError(f"channel {channel}: values reach {total}; allowed: below 2^62")

    def apply(
        self,
        sums: NDArray[Any],
        zero: int,
        added: NDArray[Any] | None = None,
        rows: NDArray[np.intp] | None = None,
    ) -> NDArray[np.int64]:
        """Codes of exact sums (n, C, H, W).

        `zero`: zero point of the output; `added`: r - z_r, of the sums' shape; `rows`: (H, W), which row of
        multipliers and shifts each position takes, where there are rows.
        """
        multiplier, shift = (_spread(part.astype(np.int64), rows) for part in (self.multiplier, self.shift))
        values = sums.astype(np.int64)
        values += self.bias[:, None, None]
        values *= multiplier
        if added is not None and self.add_multiplier is not None:
            values += added * self.add_multiplier.astype(np.int64)[:, None, None]
        values += (1 << shift) >> 1
        values >>= shift
        values += zero
        np.clip(values, self.low, self.high, out=values)
        return values if self.table is None else self.table[values]


def _spread(part: NDArray[np.int64], rows: NDArray[np.intp] | None) -> NDArray[np.int64]:
    """Per-channel parameters so that they broadcast against (n, C, H, W)."""
    return part[:, None, None] if rows is None else np.moveaxis(part[rows], -1, 0)
