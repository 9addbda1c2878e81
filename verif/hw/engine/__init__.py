"""Simulation of engines."""
