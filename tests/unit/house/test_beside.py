"""Cluster tests beside each other: in which order they begin, and when the real node may go."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import beside

TESTS = Path(__file__).parents[2]


@dataclass(frozen=True)
class Item:
    """As much of a test as its order depends on."""

    nodeid: str
    fixturenames: tuple[str, ...] = ()


def item(file: str, *fixtures: str) -> Any:
    return Item(f"tests/{file}.py::test_it", fixtures)


def test_the_real_node_begins_then_what_takes_long_and_short_files_end() -> None:
    wanted = [
        item("e2e/test_node_troubles", "node_cluster"),
        *(item(long) for long in beside.LONG),
        item("e2e/test_status"),
        item("e2e/test_troubles"),
        item("integration/test_chart"),
        item("integration/test_policies_rights"),
    ]
    assert beside.in_order(sorted(wanted, key=lambda each: str(each.nodeid))) == wanted


def test_every_file_that_is_called_long_is_there() -> None:
    assert [long for long in beside.LONG if not (TESTS / f"{long}.py").is_file()] == []


def test_who_uses_the_real_node_says_so_in_the_name_of_the_file() -> None:
    with pytest.raises(pytest.UsageError, match="test_status"):
        beside.in_order([item("e2e/test_status", "node_cluster")])


def test_the_real_node_is_needed_until_the_last_test_that_uses_it() -> None:
    first, last = (item(f"e2e/test_node_{name}", "node_cluster") for name in ("charts", "troubles"))
    assert beside.last_of_the_node([item("integration/test_chart"), first, last, item("e2e/test_status")]) is last
    assert beside.last_of_the_node([item("e2e/test_status")]) is None
