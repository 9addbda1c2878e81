"""The array beside multipliers and other forms of its numbers."""
