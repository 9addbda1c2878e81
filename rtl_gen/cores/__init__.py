"""Builds for other flows: a FuseSoC core, a test bench without Python, a script for Vivado."""
