"""Campaigns: checks that take too long for every change, with recorded results; `python -m verif.campaign --help`."""
