"""What a background task ended with, kept for outputs to read.

An output that asks a running task itself is told to wait, and Shiny's client takes it badly when the
value then comes at once; what is kept here only changes when a task has ended.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from shiny import reactive, req

from modules.session_run import Problem, problem_of

Value = TypeVar("Value")


class Outcome(Generic[Value]):
    """The last result of an extended task, and the problem that came after it, if any.

    To be made inside a module's server function. Calling it gives the result and stays silent (req) while
    there is none, where `value` is None; a failed or stopped task leaves the former result.
    """

    def __init__(self, task) -> None:
        self.value: reactive.Value[Value | None] = reactive.Value(None)
        self.problem: reactive.Value[Problem | None] = reactive.Value(None)

        @reactive.effect
        def _settle():
            status = task.status()
            if status == "success":
                self.value.set(task.result())
                self.problem.set(None)
            elif status == "error":
                self.problem.set(problem_of(task.error()))

    def __call__(self) -> Value:
        value = self.value()
        req(value is not None)
        return value

    def sentence(self, of_value) -> str:
        """The problem in a sentence, else what a function says of the result."""
        problem = self.problem()
        return problem.sentence if problem else of_value(self())
