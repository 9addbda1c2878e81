"""Tests of the quantizer."""
