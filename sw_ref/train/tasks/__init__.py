"""The tasks that the method is shown on: real data from ordinary libraries, split by source."""

from sw_ref.train.tasks.classify import Classify
from sw_ref.train.tasks.enhance import Enhance
from sw_ref.train.tasks.segment import Segment
from sw_ref.train.tasks.task import Task

TASKS: dict[str, Task] = {task.name: task for task in (Classify(), Enhance(), Segment())}
"""By name."""
