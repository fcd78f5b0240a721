"""An operator from which the look at what a chart renders was taken out: rights alone stand in the way, and suffice."""

import asyncio
from pathlib import Path

import pytest

from landlord.api.names import deployer_username
from tests.admin import Admin
from tests.audit import Audit
from tests.e2e.attacks_charts import FOREIGN
from tests.manifests import condition
from tests.operator_process import running_operator
from tests.releases import Home, move_in, shop
from tests.shop import Shop

__all__ = ["shop"]

BLIND = "from landlord.core.release import rendered\nrendered.foreign = lambda *_: ()\n"
"""Runs in the operator's process before anything else."""
AT_ONCE = [greedy for greedy in FOREIGN if greedy.what not in ("job elsewhere when deleted", "job elsewhere as a test")]
"""What an install meets."""


async def test_rights_refuse_what_nobody_looked_for(
    admin: Admin,
    tenant_name: str,
    shop: Shop,
    operator_kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    audit: Audit,
) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLIND)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    charts = {f"greedy-{number}": greedy for number, greedy in enumerate(AT_ONCE)}
    for name, greedy in charts.items():
        shop.offer(name, "1.0.0", {"templates/a.yaml": greedy.template})
    with running_operator(operator_kubeconfig, tmp_path, *shop.flags) as process:
        await process.until_serving()
        home = await move_in(admin, tenant_name, shop)
        await asyncio.gather(*(home.push(name, chart=shop.pin(name), values=charts[name].values) for name in charts))
        for name, greedy in charts.items():
            await _refused(home, name, greedy.what)
        assert await process.stop() == 0
    writes = [entry for entry in await audit.writes(user=deployer_username(home.namespace)) if entry.status < 400]
    assert {entry.namespace for entry in writes} <= {home.namespace}
    traces = [greedy.trace.replace("NS", home.namespace) for greedy in FOREIGN if greedy.trace]
    assert [trace for trace in traces if await admin.find(trace)] == []


async def _refused(home: Home, name: str, what: str) -> None:
    body = await home.until(name, status="False")
    told = condition(body)
    assert told["reason"] in ("Forbidden", "Rejected", "HookFailed"), f"{what}: {told}"
    assert "forbidden" in told["message"] or "may not" in told["message"], f"{what}: {told}"
