"""The one failure of the sandbox that is meant for people."""


class SandboxFault(Exception):
    """Something the caller must know or do, told in whole sentences; the command line prints it without a traceback."""
