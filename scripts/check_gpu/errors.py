"""What ends the program, or a check."""


class PackError(Exception):
    """No bundle can be made, or none is here; the message says what to do."""


class CheckFailed(Exception):
    """A check found something wrong."""


class CheckSkipped(Exception):
    """A check cannot run here; the message says why."""


class TimeIsUp(CheckFailed):
    """A check was stopped at its limit."""

    def __init__(self, command: str, output: str) -> None:
        super().__init__(f"stopped at its time limit, in {command}")
        self.output = output  # what the command had printed on its standard output
