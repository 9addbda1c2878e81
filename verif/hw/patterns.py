"""A few beats written by hand, bit by bit: a check of the packing that shares no code with anything."""

from hw.config import ArrayConfig
from sw_ref.format import StlqFormat

CONFIG = ArrayConfig(format=StlqFormat(bits=3, act_bits=4, residual_shift=1), pe=2, lanes=2, depth=2)

# Terms of 3-bit words: 1 is 8, 2 is 4, 3 is 2; -1 is -8, -2 is -4, -3 is -2, -4 is -1.
# First dot product, two words: PE 0 has words 1, -1 and residuals 2, 0; PE 1 has -4, 0 and 3, -2.
# Second one, one word: PE 0 has 0, 3; PE 1 has -3, 1.
TILES = [
    0b1_1_000_100_111_001,  # last, two_word; PE 1: lane 1, lane 0; PE 0: lane 1, lane 0
    0b0_0_110_011_000_010,
    0b1_0_001_101_011_000,
]
IGNORED = [0, 0b11 << 12, 0]  # the flags of a residual beat
ACTS = [
    0b0111_1000,  # lane 1: 7; lane 0: -8
    0b1111_0001,  # lane 1: -1; lane 0: 1
]
# PE 0: -8 * (2*8 + 4) + 7 * (2*-8); PE 1: -8 * (2*-1 + 2) + 7 * -4.  Then -1 * 2*2, and 1 * 2*-2 - 1 * 2*8.
SUMS = [[-272, -28], [-4, -20]]
SUMS_PAYLOADS = [
    0b1111100100_1011110000,  # PE 1: 1024 - 28; PE 0: 1024 - 272
    0b1111101100_1111111100,
]
ENDS = [1, 2]
