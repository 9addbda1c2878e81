"""Tests of the front end: what is imported, what is refused, and that nothing is lost."""
