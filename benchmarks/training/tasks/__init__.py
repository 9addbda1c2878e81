"""The tasks that the method is shown on: real data from ordinary libraries, split by source."""

from benchmarks.training.tasks.classify import Classify
from benchmarks.training.tasks.enhance import Enhance
from benchmarks.training.tasks.segment import Segment
from benchmarks.training.tasks.task import Task

TASKS: dict[str, Task] = {task.name: task for task in (Classify(), Enhance(), Segment())}
"""By name."""
