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

    def is_missing(self) -> bool:
        """Is there no result, or a problem since?"""
        return self.value() is None or self.problem() is not None

    def valid(self) -> Value:
        """The result; silent after a problem too."""
        req(self.problem() is None)
        return self()

    def sentence(self, of_value, *, before: str | None = None) -> str:
        """The problem in a sentence, else what a function says of the result.

        Parameters
        ----------
        before : what is said while there was no result yet; nothing (req) without it
        """
        problem = self.problem()
        if problem:
            return problem.sentence
        return before if before is not None and self.value() is None else of_value(self())
