"""Proofs: the rules of the buses, and that no word is read or written outside its range, for ever."""
