"""Tests of the training study."""
