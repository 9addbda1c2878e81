"""Whole networks on the engine: their cycles, what the engine costs, and what others publish."""
