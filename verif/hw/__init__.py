"""Simulation benches of the array: drivers, monitors, scoreboard, launchers, broken designs."""
