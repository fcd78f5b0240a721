"""Cluster tests beside each other: a worker of pytest-xdist has a sandbox of its own and takes whole files.

Operators of one cluster compete for one Lease, so workers share nothing. There is one real node in a run, so all files
that need it go to one worker, and first: they take longest.
"""

from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

_NODE = "the real node"


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
    """The items, those of the real node first.

    :raises pytest.UsageError: if one that uses the real node is in a file whose name does not say so.
    """
    stray = [item.nodeid for item in items if _uses_the_node(item) and not is_of_the_node(item.nodeid.split("::")[0])]
    if stray:
        raise pytest.UsageError(f"uses the real node, so its file's name must have _node in it: {', '.join(stray)}")
    return sorted(items, key=lambda item: not is_of_the_node(item.nodeid.split("::")[0]))


def _uses_the_node(item: pytest.Item) -> bool:
    return "node_cluster" in getattr(item, "fixturenames", ())
