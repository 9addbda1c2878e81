"""The compiler: a network in integers to jobs, a program, and its cycles."""
