"""What control knows of a beat."""

from amaranth.lib import data

BEAT = data.StructLayout({"valid": 1, "first_word": 1, "ends": 1})
"""`valid`: there is a beat. `first_word`: of first words, not residual ones. `ends`: the last beat of a dot product.

Where there is no beat, `ends` is 0 and `first_word` is anything.
"""
