"""Forged records, statuses and objects, and releases made anew: none of it makes Landlord believe what is not so."""

import base64
import json
from typing import Any

import pytest

from landlord.api.refs import SECRETS
from tests.admin import ApiError
from tests.manifests import condition
from tests.polling import eventually
from tests.releases import Home, home, release_operator, shop

__all__ = ["home", "release_operator", "shop"]


def record(home: Home, number: int, name: str = "web", status: str = "deployed", release: str = "forged") -> Any:
    """A Secret as Helm writes one, with whatever in it."""
    labels = {"owner": "helm", "name": name, "status": status, "version": str(number)}
    head = {"name": f"sh.helm.release.v1.{name}.v{number}", "namespace": home.namespace, "labels": labels}
    data = {"release": base64.b64encode(release.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": head, "type": "helm.sh/release.v1", "data": data}


async def held_bad(home: Home) -> Any:
    """A release that was proven, got a bad image, was rolled back and is held."""
    await home.push(deletionPolicy="Orphan")
    await home.proven()
    await home.push(deletionPolicy="Orphan", image={"tag": "image-pull"})
    return await home.until(reason="RolledBack", status="False")


async def test_a_hold_outlives_a_release_that_is_made_anew(home: Home) -> None:
    await held_bad(home)
    before = await home.revisions()
    await home.editor.delete()
    assert await home.revisions() == before
    await home.editor.push(deletionPolicy="Orphan", image={"tag": "image-pull"})
    again = await home.until(reason="RolledBack", status="False")
    assert again["status"]["held"]["reason"] == "ImageUnavailable"
    assert await home.revisions() == before
    await home.editor.push(deletionPolicy="Orphan", image={"tag": "1.0.1"})
    await home.proven()


async def test_a_hold_outlives_an_uninstall(home: Home) -> None:
    await held_bad(home)
    await home.push(deletionPolicy="Uninstall", image={"tag": "image-pull"})
    await home.editor.delete()
    assert await home.revisions() == []
    await home.editor.push(image={"tag": "image-pull"})
    again = await home.until(status="False")
    assert again["status"]["held"]["reason"] == "ImageUnavailable"
    assert await home.revisions() == []


async def test_a_hold_outlives_a_finalizer_that_was_taken_off(home: Home) -> None:
    await held_bad(home)
    before = await home.revisions()
    suspended = await home.editor.admin.patch(home.path(), {"spec": {"suspend": True}})
    await home.editor.admin.patch(home.path(), {"metadata": {"finalizers": None}})
    await home.editor.delete()
    assert suspended["spec"]["suspend"]
    await home.editor.push(deletionPolicy="Orphan", image={"tag": "image-pull"})
    await home.until(reason="RolledBack", status="False")
    assert await home.revisions() == before


async def test_no_member_writes_a_status_or_a_ledger(home: Home) -> None:
    await home.push()
    proven = await home.proven()
    forged: Any = {"status": {"held": None, "proven": {**proven["status"]["proven"], "revision": 7}}}
    for refused in (
        home.editor.admin.patch(f"{home.path()}/status", forged),
        home.admin.patch(f"{home.path()}/status", forged),
        home.editor.ledger(),
    ):
        with pytest.raises(ApiError) as refusal:
            await refused
        assert refusal.value.status in (403, 422), refusal.value
    await home.editor.annotate(requested_at="now")
    assert (await home.looked_at())["status"]["proven"]["revision"] == 1


async def test_a_status_that_is_lost_or_forged_is_told_anew(home: Home) -> None:
    held = await held_bad(home)
    before = await home.revisions()
    forged: Any = {"status": {"held": None, "conditions": [], "proven": {"revision": 9}, "history": []}}
    await home.breaker.patch(f"{home.path()}/status", forged)
    told = await home.until(reason="RolledBack", status="False")
    assert told["status"]["held"] == held["status"]["held"]
    assert told["status"]["proven"]["revision"] == held["status"]["proven"]["revision"]
    assert await home.revisions() == before


@pytest.mark.parametrize("what", ["nonsense", "the bytes of another revision"])
async def test_a_forged_record_is_told_and_never_proven(home: Home, what: str) -> None:
    """Where members may use Helm by hand they may write its records too: what they say is looked at, not believed."""
    await home.push()
    await home.proven()
    forged: dict[str, Any] = record(home, 9)
    if what != "nonsense":
        kept = await home.admin.get(SECRETS.path(home.namespace, "sh.helm.release.v1.web.v1"))
        forged |= {"data": kept["data"]}
        forged["metadata"]["labels"] = {**kept["metadata"]["labels"], "version": "9"}
    await home.editor.admin.create(SECRETS.path(home.namespace), forged)
    await home.looked_at()
    told = await home.until(status="False", words="9")
    assert condition(told)["status"] != "True"
    await home.editor.admin.delete(SECRETS.path(home.namespace, "sh.helm.release.v1.web.v9"))
    await home.annotate(requested_at="again")
    assert (await home.proven())["status"]["proven"]["revision"] == 1
    assert await home.data() == {"message": "hello"}


async def test_a_release_made_anew_after_forging_is_proven_by_nothing_forged(home: Home) -> None:
    """The rejected version's record, copied as a later one that Landlord marked and deployed, is no proof of it."""
    held = await held_bad(home)
    number = held["status"]["held"]["failedRevision"]
    kept = await home.admin.get(SECRETS.path(home.namespace, f"sh.helm.release.v1.web.v{number}"))
    forged = record(home, 9) | {"data": kept["data"]}
    forged["metadata"]["labels"] = {**kept["metadata"]["labels"], "version": "9", "status": "deployed"}
    await home.editor.delete()
    await home.editor.admin.create(SECRETS.path(home.namespace), forged)
    await home.editor.push(deletionPolicy="Orphan", image={"tag": "image-pull"})
    told = await home.until(words="9")
    assert condition(told)["status"] != "True"
    assert told["status"].get("proven", {}).get("revision") != 9
    await home.editor.admin.delete(SECRETS.path(home.namespace, "sh.helm.release.v1.web.v9"))
    await home.annotate(requested_at="again")
    again = await home.until(reason="RolledBack", status="False")
    assert again["status"]["held"]["reason"] == "ImageUnavailable"
    await home.editor.push(deletionPolicy="Orphan", image={"tag": "1.0.1"})
    await home.proven()


async def test_trouble_takes_nothing_proven_out_of_the_status(home: Home) -> None:
    await home.push()
    await home.proven()
    await home.editor.admin.create(SECRETS.path(home.namespace), record(home, 9))
    await home.annotate(requested_at="now")
    told = await home.until(status="False", words="9")
    assert told["status"].get("proven", {}).get("revision") == 1


async def test_forged_labels_hand_no_foreign_object_to_a_release(home: Home) -> None:
    """An object that says it is a neighbour's release's is not taken over by this one."""
    other = {"meta.helm.sh/release-name": "neighbour", "meta.helm.sh/release-namespace": home.namespace}
    head = {"name": "web-settings", "namespace": home.namespace, "annotations": other}
    head["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    path = f"/api/v1/namespaces/{home.namespace}/configmaps/web-settings"
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": head, "data": {"mine": "yes"}}
    await home.editor.admin.apply(path, mine)
    await home.editor.push()
    await home.until(reason="OwnershipConflict", status="False", words="web-settings")
    assert await home.data("web-settings") == {"mine": "yes"}
    await home.editor.admin.delete(path)
    await home.annotate(retry_at="now")
    await home.proven()


async def test_two_appreleases_do_not_share_one_helm_release(home: Home) -> None:
    await home.push()
    await home.proven()
    await home.editor.push("twin", releaseName="web", values={"message": "from the twin"})
    await home.until("twin", reason="ReleaseNameTaken", status="False", words="web")
    assert await home.revisions() == [(1, "deployed")]
    assert await home.data() == {"message": "hello"}
    await home.delete("twin")
    assert await home.revisions() == [(1, "deployed")]


async def test_a_ledger_cannot_be_confused_by_names(home: Home) -> None:
    """Names hold no dots, so no two releases of any namespaces share a ledger; the API server sees to that."""
    for name in ("a.b", "A", "-a", "a" * 54):
        with pytest.raises(ApiError) as refusal:
            await home.editor.push(name)
        assert refusal.value.status == 422
    await home.editor.push("a-b")
    await home.proven("a-b")
    ledger = await eventually(lambda: home.ledger("a-b"))
    assert json.loads(ledger["data"]["ledger"])["proven"]["revision"] == 1
