"""What a real kubelet, scheduler and controllers of Kubernetes 1.36 reported of workloads broken on purpose.

``observed.jsonl`` was taken from a sandbox with a real node, a minute or two after each was applied, and cut down to
the fields that say something; names of hosts were changed.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from landlord.core.health.readiness import Readiness, Sign, State, judge

OBSERVED = [json.loads(line) for line in (Path(__file__).parent / "observed.jsonl").read_text().splitlines()]

EXPECTED = {
    "badcmd": (Sign.CRASH_LOOP, State.GUILTY, State.GUILTY, "cannot be started (failed to create containerd task"),
    "config": (Sign.CONTAINER_CONFIG, State.GUILTY, State.GUILTY, 'secret "nope" not found'),
    "crash": (Sign.CRASH_LOOP, State.GUILTY, State.GUILTY, "with exit code 1"),
    "invalid": (Sign.INVALID_IMAGE_NAME, State.GUILTY, State.GUILTY, "Shop/Web:1"),
    "mount2": (Sign.DEADLINE_EXCEEDED, State.GUILTY, State.GUILTY, 'secret "nope" not found'),
    "never": (Sign.IMAGE_NOT_FOUND, State.GUILTY, State.GUILTY, "not present with pull policy of Never"),
    "nohost": (Sign.REGISTRY, State.WORKING, State.ENVIRONMENT, "i/o timeout"),
    "nonode": (Sign.UNSCHEDULABLE, State.WORKING, State.ENVIRONMENT, "0/2 nodes are available"),
    "notfound": (Sign.IMAGE_NOT_FOUND, State.GUILTY, State.GUILTY, "registry.test:5000/shop/web:nope: not found"),
    "oom": (Sign.OUT_OF_MEMORY, State.GUILTY, State.GUILTY, "for want of memory"),
    "refused": (Sign.REGISTRY, State.WORKING, State.ENVIRONMENT, "connection refused"),
    "unready2": (Sign.DEADLINE_EXCEEDED, State.GUILTY, State.GUILTY, "timed out progressing"),
    "sts": (Sign.IMAGE_NOT_FOUND, State.GUILTY, State.GUILTY, "Pod sts-0 of StatefulSet/sts"),
    "ds": (Sign.IMAGE_NOT_FOUND, State.GUILTY, State.GUILTY, "of DaemonSet/ds"),
    "failing": (Sign.JOB_FAILED, State.GUILTY, State.GUILTY, "backoff limit"),
    "stuck": (Sign.IMAGE_NOT_FOUND, State.GUILTY, State.GUILTY, "of Deployment/stuck"),
    "qdep": (Sign.QUOTA, State.WORKING, State.ENVIRONMENT, "exceeded quota"),
    "qsts": (Sign.QUOTA, State.WORKING, State.ENVIRONMENT, "exceeded quota"),
    "qjob": (Sign.QUOTA, State.WORKING, State.ENVIRONMENT, "exceeded quota"),
    "pdep": (Sign.POLICY, State.WORKING, State.ENVIRONMENT, "violates PodSecurity"),
    "psts": (Sign.POLICY, State.WORKING, State.ENVIRONMENT, "violates PodSecurity"),
    "wdep": (Sign.WEBHOOK, State.WORKING, State.ENVIRONMENT, "failed calling webhook"),
    "wsts": (Sign.WEBHOOK, State.WORKING, State.ENVIRONMENT, "failed calling webhook"),
}


def judged(seen: dict[str, Any], left: timedelta, *, is_first: bool = False) -> Readiness:
    now = datetime.fromisoformat(seen["now"])
    return judge(
        [seen["object"]],
        seen["pods"],
        seen["replica_sets"],
        started=datetime.fromisoformat(seen["started"]),
        now=now,
        deadline=now + left,
        is_first=is_first,
        events=seen["events"],
    )


@pytest.mark.parametrize("seen", OBSERVED, ids=[seen["name"] for seen in OBSERVED])
def test_what_a_real_cluster_reports_is_judged_as_the_table_says(seen: dict[str, Any]) -> None:
    sign, early, late, words = EXPECTED[seen["name"]]
    found = judged(seen, timedelta(hours=1))
    assert (found.reason, found.state) == (sign, early), found
    assert words in found.why
    assert judged(seen, timedelta()).state is late
    assert judged(seen, timedelta(hours=1), is_first=True).state is State.WORKING


def test_everything_observed_is_expected_and_the_other_way_round() -> None:
    assert {seen["name"] for seen in OBSERVED} == set(EXPECTED)
