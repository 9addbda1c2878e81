"""Tests of the benches of the array."""
