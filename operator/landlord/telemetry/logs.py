"""The log: JSON with object references for machines, one readable line for people on a terminal.

What a line is about comes from ``about(ref)``, not from the message. Bodies of objects and requests are never logged.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

from landlord.api.refs import Ref

_subject: ContextVar[Ref | None] = ContextVar("landlord_log_subject", default=None)
_clean: ContextVar[Callable[[str], str] | None] = ContextVar("landlord_log_clean", default=None)

TAMED: Final = {"aiohttp.access": logging.WARNING, "asyncio": logging.WARNING, "kopf": logging.WARNING}
"""Libraries whose own lines are worth less than ours, and the least they must be worth to be shown."""

_COLOURS: Final = {"WARNING": "\033[33m", "ERROR": "\033[31m", "CRITICAL": "\033[31m"}
_PLAIN: Final = "\033[0m"


@contextmanager
def about(ref: Ref, clean: Callable[[str], str] | None = None) -> Iterator[None]:
    """Every line logged within, also by tasks started there, names this object, and goes through ``clean``."""
    token, cleaning = _subject.set(ref), _clean.set(clean)
    try:
        yield
    finally:
        _subject.reset(token)
        _clean.reset(cleaning)


class Subject(logging.Filter):
    """Adds to each record what it is about; as a filter, so that records of libraries get it too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with ``ref`` set; what kopf will try again is a warning, whatever it calls it."""
        record.ref = _subject.get()
        if record.levelno == logging.ERROR and record.name.startswith("kopf") and "will retry" in record.getMessage():
            record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        return True


class Discretion(logging.Filter):
    """Takes out of each record, its traceback included, what must not be said of the object it is about."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, cleaned."""
        clean = _clean.get()
        if clean is None:
            return True
        record.msg, record.args = clean(record.getMessage()), None
        if record.exc_info:
            record.exc_text = clean(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True


class Patience(logging.Filter):
    """Holds back what kopf logs as an error for each attempt after the first to reach the API server."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let pass what is news."""
        if not record.name.startswith("kopf."):
            return True
        words = record.getMessage()
        return "failed; will retry" not in words or words.startswith("Request attempt #1 ")


class Json(JsonFormatter):
    """One JSON object a line: time, level, logger, message, and ``object`` where the line is about one."""

    def __init__(self) -> None:
        super().__init__(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )

    def process_log_record(self, log_data: dict[str, object]) -> dict[str, object]:
        """The fields of the line; a reference becomes an object of its own."""
        ref = log_data.pop("ref", None)
        if isinstance(ref, Ref):
            log_data["object"] = {
                key: value
                for key, value in (("kind", ref.kind), ("namespace", ref.namespace), ("name", ref.name))
                if value
            }
        return {key: value for key, value in log_data.items() if key in _FIELDS}


_FIELDS: Final = {"time", "level", "logger", "message", "object", "exc_info", "stack_info"}


class Console(logging.Formatter):
    """``15:04:05 WARNING Tenant shop: message``, coloured by level where ``colour``."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(subject)s%(message)s", "%H:%M:%S")
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """The line, with its traceback below when there is one."""
        ref = getattr(record, "ref", None)
        record.subject = f"{ref}: " if ref else ""
        line = super().format(record)
        colour = _COLOURS.get(record.levelname, "") if self._colour else ""
        return f"{colour}{line}{_PLAIN}" if colour else line


def set_up(form: Literal["auto", "json", "console"], level: str, stream: TextIO = sys.stderr) -> None:
    """Send the whole process's log to ``stream``, and nowhere else."""
    terminal = stream.isatty()
    console = form == "console" or (form == "auto" and terminal)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Console(colour=terminal) if console else Json())
    handler.addFilter(Subject())
    handler.addFilter(Patience())
    handler.addFilter(Discretion())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    for name, least in TAMED.items():
        logging.getLogger(name).setLevel(max(least, root.level))
