"""What expressions say about objects of a release, and what they may not look at."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from landlord.api.checks import HealthCheck
from landlord.api.failures import NotYet, SpecFault, Transient
from landlord.api.refs import Resource
from landlord.api.releases import Outcome, Sample
from landlord.clients.expressions import Expressions, ExpressionWaits
from landlord.clients.probes.cel import CelProbe
from landlord.clients.probes.looks import Look
from tests.unit.clients.probes.worlds import NOW, TEAM, Cluster, Object, target

VERSION = "db.example/v1"
KINDS = {
    (VERSION, "Database"): Resource("db.example", "v1", "databases", "Database", namespaced=True),
    ("v1", "Secret"): Resource("", "v1", "secrets", "Secret", namespaced=True),
    ("v1", "Node"): Resource("", "v1", "nodes", "Node", namespaced=False),
}
RULES = {
    "inProgress": "object.status.phase == 'Creating'",
    "failed": "object.status.phase == 'Broken'",
    "current": "object.status.phase == 'Ready'",
}


class Kinds:
    async def resource(self, api_version: str, kind: str) -> Resource | None:
        return KINDS.get((api_version, kind))


@pytest.fixture
async def expressions() -> AsyncIterator[Expressions]:
    async with Expressions(seconds=5) as workers:
        yield workers


def database(name: str, phase: str | None) -> Object:
    status = {"phase": phase} if phase else {}
    metadata = {"name": name, "namespace": TEAM, "managedFields": [{"manager": "x"}]}
    return {"kind": "Database", "metadata": metadata, "status": status}


def look(**spec: Any) -> Look:
    rules = {"apiVersion": VERSION, "kind": "Database", **RULES, **spec}
    return Look(HealthCheck.model_validate({"name": "db", "cel": rules}), timedelta(seconds=5))


async def ask(cluster: Cluster, wanted: Look, expressions: Expressions, *names: str) -> Sample:
    probe = CelProbe(cluster, Kinds(), expressions)  # type: ignore[arg-type]
    cel = wanted.check.cel
    assert cel is not None
    return await probe.sample(wanted, target(objects=tuple((cel.api_version, cel.kind, name) for name in names)), NOW)


@pytest.mark.parametrize(
    ("phases", "outcome", "message"),
    [
        (["Ready"], Outcome.PASS, ""),
        (["Creating"], Outcome.INCONCLUSIVE, "Database db0 is on its way."),
        (["Broken"], Outcome.FAIL, "Database db0 has failed, as `failed` has it."),
        (["Odd"], Outcome.FAIL, "Database db0 is not as `current` wants it."),
        (["Ready", "Ready"], Outcome.PASS, ""),
        (["Ready", "Creating", "Ready"], Outcome.INCONCLUSIVE, "Database db1 is on its way."),
        (["Creating", "Broken"], Outcome.FAIL, "Database db1 has failed, as `failed` has it."),
    ],
)
async def test_the_first_true_expression_decides_and_the_worst_object(
    phases: list[str], outcome: Outcome, message: str, expressions: Expressions
) -> None:
    databases = [database(f"db{at}", phase) for at, phase in enumerate(phases)]
    names = [each["metadata"]["name"] for each in databases]
    sample = await ask(Cluster(*databases), look(), expressions, *names)
    assert (sample.outcome, sample.message) == (outcome, message)


async def test_one_object_may_be_named(expressions: Expressions) -> None:
    cluster = Cluster(database("good", "Ready"), database("bad", "Broken"))
    assert (await ask(cluster, look(name="good"), expressions, "good", "bad")).outcome is Outcome.PASS
    assert (await ask(cluster, look(), expressions, "good", "bad")).outcome is Outcome.FAIL


async def test_a_field_that_is_not_there_yet_says_nothing(expressions: Expressions) -> None:
    sample = await ask(Cluster(database("db", None)), look(), expressions, "db")
    assert sample.outcome is Outcome.INCONCLUSIVE
    assert "no field 'phase'" in sample.message


async def test_what_cannot_be_read_says_nothing(expressions: Expressions) -> None:
    assert (await ask(Cluster(), look(), expressions, "db")).message == "There is no Database db."
    away = Cluster(database("db", "Broken"))
    away.trouble = Transient("The API server is away.")
    assert (await ask(away, look(), expressions, "db")).outcome is Outcome.INCONCLUSIVE


async def test_only_objects_of_the_release_are_looked_at(expressions: Expressions) -> None:
    cluster = Cluster(database("other", "Broken"))
    sample = await ask(cluster, look(name="other"), expressions, "db")
    assert (sample.outcome, cluster.reads) == (Outcome.INCONCLUSIVE, [])


@pytest.mark.parametrize(("version", "kind"), [("v1", "Secret"), ("v1", "Node"), ("v1", "Unheard")])
async def test_secrets_and_what_is_in_no_namespace_are_not_read(
    version: str, kind: str, expressions: Expressions
) -> None:
    cluster = Cluster({"kind": kind, "metadata": {"name": "x", "namespace": TEAM}, "data": {}})
    spec = look(apiVersion=version, kind=kind, current="true", failed=None, inProgress=None)
    sample = await ask(cluster, spec, expressions, "x")
    assert (sample.outcome, cluster.reads) == (Outcome.INCONCLUSIVE, [])


async def test_an_admitted_check_compiles_and_is_about_the_release(expressions: Expressions) -> None:
    probe = CelProbe(Cluster(), Kinds(), expressions)  # type: ignore[arg-type]
    ours = target(objects=((VERSION, "Database", "db"),))
    await probe.admit(look(), ours)
    await probe.admit(look(), target())
    for spec, why in (
        ({"kind": "Secret"}, "Secrets are not"),
        ({"name": "other"}, "has no db.example/v1 Database other"),
        ({"current": "object.x ="}, "cel.current"),
        ({"failed": "nonsense(object)"}, "no function nonsense"),
        ({"inProgress": "objekt.x == 1"}, "no variable objekt"),
    ):
        with pytest.raises(SpecFault, match=why):
            await probe.admit(look(**spec), ours)


async def test_an_expression_that_does_not_end_says_nothing() -> None:
    async with Expressions(seconds=0.0) as hasty:
        sample = await ask(Cluster(database("db", "Ready")), look(), hasty, "db")
    assert (sample.outcome, "was stopped" in sample.message) == (Outcome.INCONCLUSIVE, True)


class Busy(Expressions):
    """All workers have something else to do."""

    async def compile_check(self, *_: object, **__: object) -> None:
        raise ExpressionWaits("All workers for expressions were busy.")


async def test_that_a_check_could_not_be_looked_at_yet_is_no_fault_of_it() -> None:
    """A fault would stop the release for minutes."""
    probe = CelProbe(Cluster(), Kinds(), Busy())  # type: ignore[arg-type]
    with pytest.raises(NotYet, match="busy"):
        await probe.admit(look(), target())
