"""The log: what a line says to machines, and what to people."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from landlord.api.refs import Ref
from landlord.telemetry import logs

SHOP = Ref("Tenant", None, "shop")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The test's own logging afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.TAMED}
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def test_a_json_line_has_time_level_words_and_the_object() -> None:
    stream = io.StringIO()
    logs.set_up("json", "info", stream)
    with logs.about(Ref("AppRelease", "shop-dev", "web")):
        logging.getLogger("landlord.x").warning("Quota is %d.", 4)
    line = json.loads(stream.getvalue())
    assert line.pop("time").startswith("20")
    assert line == {
        "level": "WARNING",
        "logger": "landlord.x",
        "message": "Quota is 4.",
        "object": {"kind": "AppRelease", "namespace": "shop-dev", "name": "web"},
    }


def test_extra_fields_never_reach_the_log() -> None:
    stream = io.StringIO()
    logs.set_up("json", "info", stream)
    logging.getLogger("some.library").warning("Sent.", extra={"body": {"password": "hunter2"}})
    assert "hunter2" not in stream.getvalue()
    assert "object" not in json.loads(stream.getvalue())


@pytest.mark.parametrize("form", ["json", "console"])
def test_lines_about_an_object_are_cleaned_tracebacks_included(form: Literal["json", "console"]) -> None:
    stream = io.StringIO()
    logs.set_up(form, "info", stream)
    with logs.about(SHOP, lambda text: text.replace("hunter2", "***")):
        logging.getLogger("landlord.x").warning("Helm said %s, %d times.", "hunter2", 3)
        try:
            raise ValueError("hunter2") from KeyError("hunter2")
        except ValueError:
            logging.getLogger("landlord.x").exception("Failed by hunter2.")
    logging.getLogger("landlord.x").warning("About nothing: hunter2.")
    about, nothing = stream.getvalue().split("About nothing")
    assert "Helm said ***, 3 times." in about
    assert "Failed by ***." in about
    assert "ValueError: ***" in about
    assert "hunter2" not in about
    assert "hunter2" in nothing


def test_a_console_line_is_read_at_a_glance() -> None:
    stream = io.StringIO()
    logs.set_up("console", "info", stream)
    with logs.about(SHOP):
        logging.getLogger("landlord.x").info("Ready.")
    assert stream.getvalue().endswith(" INFO    Tenant shop: Ready.\n")
    assert "\033" not in stream.getvalue()


def test_auto_is_console_with_colour_on_a_terminal_and_json_elsewhere() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    logs.set_up("auto", "info", terminal)
    logging.getLogger("landlord.x").error("Broken.")
    logs.set_up("auto", "info", pipe)
    logging.getLogger("landlord.x").error("Broken.")
    assert terminal.getvalue().startswith("\033[31m")
    assert json.loads(pipe.getvalue())["message"] == "Broken."


def test_a_traceback_is_part_of_the_line() -> None:
    stream = io.StringIO()
    logs.set_up("json", "info", stream)
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("landlord.x").exception("A bug.")
    assert "ZeroDivisionError" in json.loads(stream.getvalue())["exc_info"]


def test_libraries_are_quieter_than_we_are() -> None:
    stream = io.StringIO()
    logs.set_up("json", "debug", stream)
    logging.getLogger("kopf.objects").info("Handler succeeded.")
    logging.getLogger("landlord.x").debug("Detail.")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["Detail."]


def test_of_kopfs_attempts_only_the_first_is_shown() -> None:
    stream = io.StringIO()
    logs.set_up("json", "info", stream)
    for attempt in (1, 2, 3):
        logging.getLogger("kopf._cogs.clients.api").error(f"Request attempt #{attempt} failed; will retry: GET /")
    logging.getLogger("kopf._cogs.clients.api").error("Request attempt #9 failed; escalating: GET /")
    words = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    assert words == ["Request attempt #1 failed; will retry: GET /", "Request attempt #9 failed; escalating: GET /"]


def test_the_level_is_kept() -> None:
    stream = io.StringIO()
    logs.set_up("json", "warning", stream)
    logging.getLogger("landlord.x").info("Nothing.")
    assert stream.getvalue() == ""


def test_what_kopf_will_try_again_is_a_warning() -> None:
    stream = io.StringIO()
    logs.set_up("json", "info", stream)
    logging.getLogger("kopf.clients").error("Request attempt #%d failed; will retry: GET /x", 1)
    logging.getLogger("kopf.clients").error("Request attempt #%d failed; escalating: GET /x", 9)
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == ["WARNING", "ERROR"]
