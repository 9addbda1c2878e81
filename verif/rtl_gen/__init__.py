"""Tests of the command line: what each command writes, says and refuses."""
