"""Accuracy against cost: words beside integers and sums of powers of two, from what both studies recorded."""
