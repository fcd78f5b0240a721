"""A release that a pipeline made with Helm is taken over by an AppRelease: without deploying it again where it fits."""

from pathlib import Path
from typing import Any

import pytest

from tests.manifests import condition
from tests.polling import eventually
from tests.releases import Home, home, release_operator, shop
from tests.shop import SETTINGS, VALUES, WEB, package

__all__ = ["home", "release_operator", "shop"]

FILES = {"templates/web.yaml": WEB, "templates/settings.yaml": SETTINGS}


async def install_by_hand(
    home: Home, folder: Path, name: str = "web", *flags: str, defaults: dict[str, Any] = VALUES, **values: Any
) -> None:
    """What a pipeline does: `helm upgrade --install NAME web-1.0.0.tgz --set image.tag=1.0.0 --set ...`."""
    packed = folder / "web-1.0.0.tgz"
    packed.write_bytes(package("web", "1.0.0", FILES, defaults))
    said = [f"--set={key}={value}" for key, value in values.items()]
    await home.helm("upgrade", "--install", name, str(packed), "--set=image.tag=1.0.0", *said, *flags)


async def deployment(home: Home, name: str = "web") -> dict[str, Any]:
    """The release's Deployment."""
    return await home.admin.get(f"/apis/apps/v1/namespaces/{home.namespace}/deployments/{name}")


@pytest.mark.parametrize("flags", [(), ("--server-side=false",)], ids=["server-side", "client-side"])
async def test_a_release_made_by_hand_is_proven_as_it_stands(
    home: Home, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    await install_by_hand(home, tmp_path, "web", *flags, message="hand-made")
    before = await deployment(home)
    await home.push(image={"tag": "1.0.0"}, values={"message": "hand-made"})
    adopted = await home.proven()
    assert await home.revisions() == [(1, "deployed")]
    assert adopted["status"]["proven"]["revision"] == 1
    assert [each["outcome"] for each in adopted["status"]["history"]] == ["Proven"]
    after = await deployment(home)
    assert (after["metadata"]["uid"], after["metadata"]["generation"]) == (before["metadata"]["uid"], 1)
    assert "drift" not in adopted["status"]

    async def is_announced() -> bool:
        return any(each.startswith("Adopting: Revision 1 was made outside") for each in await home.events())

    await eventually(is_announced, describe="an Event that tells of the adoption")


async def test_what_was_taken_over_is_what_a_bad_release_goes_back_to(home: Home, tmp_path: Path) -> None:
    await install_by_hand(home, tmp_path, message="hand-made")
    await home.push(image={"tag": "1.0.0"}, values={"message": "hand-made"})
    await home.proven()
    await home.push(image={"tag": "image-pull"}, values={"message": "hand-made"})
    bad = await home.until(reason="RolledBack", status="False")
    assert bad["status"]["held"]["rolledBackTo"] == 1
    assert await home.revisions() == [(1, "superseded"), (2, "superseded"), (3, "deployed")]
    container = (await deployment(home))["spec"]["template"]["spec"]["containers"][0]
    assert container["image"].endswith(":1.0.0")


async def test_other_values_than_those_in_git_are_one_attempt_that_is_seen(home: Home, tmp_path: Path) -> None:
    await install_by_hand(home, tmp_path, message="hand-made")
    await home.push(image={"tag": "1.0.0"}, values={"message": "in-git"})
    adopted = await home.proven()
    assert await home.revisions() == [(1, "superseded"), (2, "deployed")]
    assert [each["outcome"] for each in adopted["status"]["history"]] == ["Proven"]
    assert (await home.data() or {})["message"] == "in-git"
    await home.looked_at()
    assert await home.revisions() == [(1, "superseded"), (2, "deployed")]


async def test_other_defaults_under_the_same_version_are_not_taken_over(home: Home, tmp_path: Path) -> None:
    await install_by_hand(home, tmp_path, defaults={**VALUES, "message": "old default"})
    await home.push(image={"tag": "1.0.0"})
    await home.proven()
    assert await home.revisions() == [(1, "superseded"), (2, "deployed")]
    assert (await home.data() or {})["message"] == "hello"


async def test_values_that_git_only_gets_right_later_are_taken_over_then(home: Home, tmp_path: Path) -> None:
    await install_by_hand(home, tmp_path, message="hand-made")
    await home.push(image={"tag": "1.0.0"}, values={"message": "hand-made"}, suspend=True)
    await home.until(reason="Suspended")
    assert await home.revisions() == [(1, "deployed")]
    await home.push(image={"tag": "1.0.0"}, values={"message": "hand-made"}, suspend=False)
    await home.proven()
    assert await home.revisions() == [(1, "deployed")]


async def test_a_release_of_another_name_is_taken_over_by_that_name(home: Home, tmp_path: Path) -> None:
    await install_by_hand(home, tmp_path, "legacy-web")
    await home.push(releaseName="legacy-web", image={"tag": "1.0.0"})
    await home.proven()
    assert await home.revisions("legacy-web") == [(1, "deployed")]
    assert await home.revisions("web") == []


async def test_a_release_that_is_not_ready_is_not_proven_by_being_taken_over(home: Home, tmp_path: Path) -> None:
    await install_by_hand(home, tmp_path, "web", "--set=image.tag=never-ready")
    await home.push(image={"tag": "never-ready"}, timeout="3s")
    held = await home.until(reason="Unready", status="False")
    assert "proven" not in held["status"]
    assert condition(held, "Stalled")["status"] == "True"
    assert await home.revisions() == [(1, "deployed")]
