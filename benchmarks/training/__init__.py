"""The training study: tasks, runs, campaign, tables and plots."""

from benchmarks.training.needs import check_command

check_command()
