"""The array as gates: synthesized, placed and routed netlists in the benches."""
