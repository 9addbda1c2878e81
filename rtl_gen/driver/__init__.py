"""Drivers: how software reaches an engine on a bus."""
