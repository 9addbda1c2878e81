"""Proofs: the lane against `term` for all inputs; the streams' rules and the sums of a small array."""
