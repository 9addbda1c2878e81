"""Tests of the bench of networks."""
