"""Whole stories: pushes in quick succession, many bad ones, a tenant that goes, an Environment that closes."""

from tests.manifests import ENVIRONMENTS, condition
from tests.releases import Home, home, release_operator, shop

__all__ = ["home", "release_operator", "shop"]


def name_of(home: Home) -> str:
    """The Tenant's and the Environment's name."""
    return home.namespace[: len(home.namespace) // 2]


async def test_of_two_quick_pushes_the_second_is_proven(home: Home) -> None:
    await home.push()
    await home.proven()
    await home.push(values={"message": "two"}, bake="20s")
    await home.until(reason="Baking", deadline=30)
    await home.push(values={"message": "three"})
    body = await home.proven()
    assert await home.data() == {"message": "three"}
    assert body["status"]["proven"]["revision"] == 3
    outcomes = [each["outcome"] for each in body["status"]["history"]]
    assert outcomes == ["Proven", "Cancelled", "Proven"]


async def test_of_bad_and_good_in_quick_succession_the_good_is_proven(home: Home) -> None:
    await home.push()
    await home.proven()
    for tag in ("image-pull", "never-ready", "crash-loop", "1.0.1"):
        await home.push(image={"tag": tag})
    body = await home.proven()
    assert body["status"]["held" if "held" in body["status"] else "proven"]
    assert [status for _, status in await home.revisions()].count("deployed") == 1


async def test_bad_pushes_do_not_wear_out_the_way_back(home: Home) -> None:
    """More of them than Helm is to keep: the proven revision is still there, and history is kept short."""
    await home.push(maxHistory=3)
    await home.proven()
    for number in range(4):
        await home.push(maxHistory=3, image={"tag": "image-pull"}, values={"message": str(number)})
        await home.until(reason="RolledBack", status="False")
        assert await home.data() == {"message": "hello"}
    await home.looked_at()
    revisions = await home.revisions()
    assert len(revisions) <= 5, revisions
    assert revisions[-1][1] == "deployed"


async def test_an_environment_that_closes_lets_nothing_new_in(home: Home) -> None:
    await home.push()
    await home.proven()
    await home.admin.patch(f"{ENVIRONMENTS}/{name_of(home)}", {"spec": {"suspend": True}})
    await home.push(values={"message": "later"})
    await home.until(reason="EnvironmentSuspended")
    assert await home.revisions() == [(1, "deployed")]
    await home.admin.patch(f"{ENVIRONMENTS}/{name_of(home)}", {"spec": {"suspend": None}})
    await home.proven()
    assert await home.data() == {"message": "later"}


async def test_a_rollback_that_is_not_wanted_is_not_made(home: Home) -> None:
    await home.push()
    await home.proven()
    await home.push(rollback={"mode": "Disabled"}, image={"tag": "image-pull"})
    body = await home.until(reason="RollbackDisabled", status="False", words="Held")
    assert condition(body, "Held")["reason"] == "ImageUnavailable"
    assert await home.revisions() == [(1, "superseded"), (2, "deployed")]
    assert body["status"]["proven"]["revision"] == 1


async def test_one_manifest_fits_every_environment(home: Home) -> None:
    """The Environment is the namespace's; values of others are ignored."""
    values = {name_of(home): {"message": "here"}, "elsewhere": {"message": "there"}}
    body = await home.push(environmentValues=values)
    assert body["spec"]["environmentValues"] == values
    body = await home.proven()
    assert body["status"]["environment"] == name_of(home)
    assert await home.data() == {"message": "here"}
