"""Learning from a dense scan of a sister sample, as command line and viewer do it."""

from .learning import Lesson, learn, learn_in_worker

__all__ = ["Lesson", "learn", "learn_in_worker"]
