"""Cluster tests beside each other: a worker of pytest-xdist has a sandbox of its own and takes whole files.

Operators of one cluster compete for one Lease, so workers share nothing. There is one real node in a run, so all files
that need it go to one worker, and first: they take longest. It mostly waits for pods, so the others have time to spare.
"""

from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

_NODE = "the real node"
LONG = ("e2e/test_bad_input", "e2e/test_demo", "integration/test_sandbox", "integration/test_crds")
"""Files that take a minute or more: what begins last should be short, or the other workers wait for it."""


class WholeFiles(LoadFileScheduling):
    """Files in the order of collection, those of the real node as if they were one."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return _NODE if is_of_the_node(file) else file


def is_of_the_node(file: str) -> bool:
    """Whether tests in this file may use the real node, by its name: the one who spreads them knows no more of them."""
    return "_node" in PurePosixPath(file).stem


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """The items, those of the real node first, then long files, then those of releases and Tenants, short ones last.

    :raises pytest.UsageError: if one that uses the real node is in a file whose name does not say so.
    """
    stray = [item.nodeid for item in items if _uses_the_node(item) and not is_of_the_node(_file(item))]
    if stray:
        raise pytest.UsageError(f"uses the real node, so its file's name must have _node in it: {', '.join(stray)}")
    return sorted(items, key=_turn)


def last_of_the_node(items: list[pytest.Item]) -> pytest.Item | None:
    """The item after which nobody needs the real node any more; None if nobody needs it at all."""
    return next((item for item in reversed(items) if _uses_the_node(item)), None)


def _turn(item: pytest.Item) -> int:
    file = _file(item)
    if is_of_the_node(file):
        return 0
    within = PurePosixPath(file).with_suffix("").parts[-2:]
    if "/".join(within) in LONG:
        return 1 + LONG.index("/".join(within))
    return 1 + len(LONG) + (within[0] != "e2e")


def _file(item: pytest.Item) -> str:
    return item.nodeid.split("::")[0]


def _uses_the_node(item: pytest.Item) -> bool:
    return "node_cluster" in getattr(item, "fixturenames", ())
