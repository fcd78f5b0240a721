"""The one failure of the demo."""


class StepFailed(Exception):
    """A step did not come true; the text says which and why."""
