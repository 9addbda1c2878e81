"""`python -m verif.campaign.trials`: tries mutants of hardware, in a copy of the project where `mutate` has been.

Reads each group's :class:`Job` from ``jobs.json``; prints a line (JSON) for each mutant that it has looked at. All is
imported once. Each mutant with a design of its own is tried in a forked process: tests run until one fails.
"""

import gc
import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mutmut.mutation.trampoline import set_mutant_under_test

from verif.campaign.designs import Part, design, optimized, parts_by_file

AT_ONCE = 2
PATIENCE = 60.0  # seconds for some of the tests, and what all take
SAME, NO_DESIGN = 100, 101
VERDICTS = {0: "survived", 1: "killed", SAME: "same", NO_DESIGN: "no design"}
"""By exit status, which is pytest's; or of a mutant that no test finds, but has the same Verilog, or none."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to try: `names` of mutants, in this order, until `count` designs were met.

    `files`: those whose components the mutants change; `tests`: in this order, without those that match `slow`;
    `known`: verdicts by the digest of a design.
    """

    names: list[str]
    count: int
    files: list[str]
    tests: list[str]
    slow: str
    known: dict[str, str]


@dataclass
class Trials:
    """The trials of a group; `running`: by process, its mutant and when it must have ended."""

    group: str
    job: Job
    parts: list[Part]
    limit: float
    running: dict[int, tuple[dict[str, Any], float]] = field(default_factory=dict)

    def run(self) -> None:
        right = design(self.parts)
        say({"group": self.group, "name": "", "design": right, "verdict": "right"})
        seen = {right}
        for name in self.job.names:
            if len(seen) > self.job.count:
                break
            entry: dict[str, Any] = {"group": self.group, "name": name}
            try:
                entry["design"] = digest = with_mutant(name, lambda: design(self.parts))
            except Exception as error:  # whatever a mutant raises: it makes no hardware
                say({**entry, "verdict": "no design", "error": type(error).__name__})
                continue
            if digest in seen:
                say({**entry, "verdict": "same" if digest == right else "again"})
                continue
            seen.add(digest)
            if digest in self.job.known:
                say({**entry, "verdict": self.job.known[digest]})
                continue
            while len(self.running) >= AT_ONCE:
                self.wait()
            self.running[forked(lambda name=name: self.verdict(name))] = (entry, time.monotonic() + self.limit)
        while self.running:
            self.wait()

    def verdict(self, name: str) -> int:
        """The tests' exit status, or one of ours."""
        status = with_mutant(name, lambda: run_tests([self.job]))
        if status:
            return status
        try:
            same = with_mutant(name, lambda: optimized(self.parts)) == optimized(self.parts)
        except Exception:  # as in `run`
            return NO_DESIGN
        return SAME if same else status

    def wait(self) -> None:
        """Until a process has ended, or has taken too long."""
        while True:
            for process, (entry, end) in self.running.items():
                ended, status = os.waitpid(process, os.WNOHANG)
                if not ended and time.monotonic() < end:
                    continue
                if not ended:
                    os.kill(process, signal.SIGKILL)
                    os.waitpid(process, 0)
                code = os.waitstatus_to_exitcode(status)
                say({**entry, "verdict": VERDICTS.get(code, f"status {code}") if ended else "endless"})
                del self.running[process]
                return
            time.sleep(0.02)


def with_mutant(name: str, work: Callable[[], T]) -> T:
    """What `work` returns while a mutant is in the place of its function."""
    set_mutant_under_test(name)
    try:
        return work()
    finally:
        set_mutant_under_test("")


def run_tests(jobs: Iterable[Job], *options: str) -> int:
    slow = " or ".join(dict.fromkeys(job.slow for job in jobs if job.slow))
    tests = dict.fromkeys(f"verif/{path}" for job in jobs for path in job.tests)
    # What a mutant leaves unused would be an error of pytest's own behind that of the test.
    options = ("-p", "no:unraisableexception", *options)
    return int(pytest.main(["-x", "-q", *options, *(["-k", f"not ({slow})"] if slow else []), *tests]))


def forked(work: Callable[[], int]) -> int:
    """A new process that ends with the status that `work` returns."""
    process = os.fork()
    if process:
        return process
    status = 3
    try:
        # What mutants before this one have left unused is no warning of this one's tests.
        with warnings.catch_warnings(action="ignore"):
            gc.collect()
        status = work()
    finally:
        os._exit(status)


def say(entry: dict[str, Any]) -> None:
    os.write(REPORT, f"{json.dumps(entry)}\n".encode())


def main() -> int:
    jobs = {name: Job(**job) for name, job in json.loads(Path("jobs.json").read_text()).items()}
    # All tests are read here, and run once as they are.
    before = time.monotonic()
    if run_tests(jobs.values(), "--collect-only"):
        raise RuntimeError("pytest finds no tests")
    _, status = os.waitpid(forked(lambda: run_tests(jobs.values())), 0)
    if status:
        raise RuntimeError("tests fail without a mutant")
    limit = PATIENCE + time.monotonic() - before
    parts = parts_by_file(Path.cwd())
    # What is here now stays: only what mutants leave is looked at again.
    gc.collect()
    gc.freeze()
    for name, job in jobs.items():
        Trials(group=name, job=job, parts=[part for path in job.files for part in parts[path]], limit=limit).run()
    return 0


if __name__ == "__main__":
    # Tests print, too.
    REPORT = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(main())
