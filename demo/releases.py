"""The acts about releases: installed and proven, upgraded, a bad image rolled back and held, the fix proven."""

import json
import time
from functools import partial
from typing import Any, Final

from demo.act import Act
from demo.faults import StepFailed
from demo.repository import Repository
from demo.stage import Stage
from sandbox.folder import Record
from sandbox.registry import push_chart

LEFT_OUT: Final = (
    "Releases are left out here. The images of the example do not exist; the sandbox's fake node plays them, a cluster "
    "of yours cannot. Without KUBECONFIG this demo shows them too; docs/releases.md says how to begin with an "
    "application of yours."
)
NAMESPACE: Final = "shop-staging"
IN: Final = ("-n", NAMESPACE)
TEAM: Final = ("--as=sam", "--as-group=shop-developers")
WEB: Final = ("apprelease", "web", *IN)
READY: Final = '{.status.conditions[?(@.type=="Ready")]'
MISSING: Final = "image-pull"
"""The tag that plays an image nobody has pushed."""


def acts(record: Record) -> tuple[Act, ...]:
    """These acts, played with the registry of this sandbox."""
    return (
        Act("A release: the shop's team commits one AppRelease", partial(install, record)),
        Act("An upgrade: other values, proven again", upgrade),
        Act("A bad image: seen, rolled back, and held", push_a_bad_image),
        Act("The fix is proven", fix),
    )


def install(record: Record, stage: Stage) -> None:
    """The chart goes into a registry, one AppRelease into Git; it is deployed as the tenant, and proven."""
    repository = Repository.cloned(stage.kubectl.scratch)
    stage.say("The team's chart goes into the registry, as its CI does it:")
    stage.terminal.command(("helm", "package", "app-repo/chart"))
    place = push_chart(record, repository.chart, under="shop/charts")
    stage.terminal.command(("helm", "push", f"web-{repository.version}.tgz", place, "--plain-http"))
    stage.say("app-repo is a copy of examples/app-repo, with the address of this registry:")
    _commit(stage, "repository: oci://registry.example.org/shop/charts", f"repository: {place}")
    stage.say("and without its http check, since no container runs that could answer it.")
    repository.drop_health_checks()
    began = time.monotonic()
    stage.show("apply", "-k", str(repository.path / "staging"), *TEAM)
    _until_ready(stage)
    stage.say(
        f"Installed, ready, healthy for a whole bake, and so proven, {time.monotonic() - began:.0f} s after the apply. "
        "The bake is 15 s here: examples/infra-repo says so for staging. Where nobody says, it is two minutes."
    )
    stage.show("get", "appreleases", *IN, *TEAM)
    stage.show("get", "deployments,services,pods", *IN, "-l", "app.kubernetes.io/instance=web", "-o", "name")
    _must_be_proven(stage, 1, "1.4.2")


def upgrade(stage: Stage) -> None:
    """A change of values is an attempt of its own: deployed, watched, baked, proven."""
    _commit(stage, "message: Welcome to the shop (staging)", "message: Winter sale")
    _apply(stage)
    _until_ready(stage)
    stage.show("get", "appreleases", *IN)
    stage.show("get", "configmap", "web", *IN, "-o", "jsonpath={.data.MESSAGE}")
    _must_be_proven(stage, 2, "1.4.2")


def push_a_bad_image(stage: Stage) -> None:
    """The tag exists nowhere: old pods serve on, the proven revision comes back, and the same is not tried again."""
    stage.say(f"Somebody commits a tag that nobody has pushed. On the fake node the tag {MISSING} plays that:")
    _commit(stage, "tag: 1.4.2", f"tag: {MISSING}")
    began = time.monotonic()
    _apply(stage)
    stage.show("wait", "apprelease/web", *IN, f"--for=jsonpath={READY}.reason}}=RolledBack", "--timeout=90s")
    stage.say(f"Seen, rolled back and held {time.monotonic() - began:.0f} s after the apply. What was seen:")
    stage.show_words("get", *WEB, "-o", f"jsonpath={READY}.message}}")
    stage.show("get", "appreleases", *IN)
    columns = "custom-columns=REASON:.reason,MESSAGE:.message"
    of_web = "involvedObject.kind=AppRelease,involvedObject.name=web"
    told = ("get", "events", *IN, "--field-selector", f"{of_web},reason=RolledBack", "-o", "name")
    stage.kubectl.until(lambda: bool(stage.kubectl.ask(*told)), what="An Event RolledBack")
    warnings = ("--field-selector", f"{of_web},type=Warning")
    stage.show("get", "events", *IN, *warnings, "--sort-by=.metadata.creationTimestamp", "-o", columns)
    columns = "custom-columns=REVISION:.metadata.labels.version,STATUS:.metadata.labels.status"
    stage.show("get", "secrets", *IN, "-l", "owner=helm,name=web", "-o", columns)
    stage.say("Revision 3 is the bad one, 4 the rollback: the content of 2.")
    _must_be_held(stage)
    stage.say("Held: asked to look again, Landlord must not try the very same once more.")
    word = str(time.time_ns())
    stage.show("annotate", *WEB, f"landlord.dev/requested-at={word}")
    stage.kubectl.until(lambda: _status(stage).get("lastHandledReconcileAt") == word, what="One more pass")
    _must_be_held(stage)
    stage.say("It looked, and left it at revision 4.")


def fix(stage: Stage) -> None:
    """Git says something new, which ends the hold."""
    _commit(stage, f"tag: {MISSING}", "tag: 1.4.3")
    _apply(stage)
    _until_ready(stage)
    stage.show("get", "appreleases", *IN)
    stage.say("All that was tried, newest first:")
    history = r'{range .status.history[*]}{.revision} {.outcome} {.reason}{"\n"}{end}'
    stage.show("get", *WEB, "-o", f"jsonpath={history}")
    _must_be_proven(stage, 5, "1.4.3")
    if _status(stage).get("held"):
        raise StepFailed("The release is proven and yet held.")


def _apply(stage: Stage) -> None:
    stage.show("apply", "-k", str(Repository.of(stage.kubectl.scratch).path / "staging"), *TEAM)


def _until_ready(stage: Stage) -> None:
    stage.show("wait", "apprelease/web", *IN, "--for=condition=Ready", "--timeout=120s")


def _commit(stage: Stage, old: str, new: str) -> None:
    Repository.of(stage.kubectl.scratch).change(old, new)
    stage.terminal.output(f"app-repo/releases/web.yaml\n-  {old}\n+  {new}")


def _status(stage: Stage) -> dict[str, Any]:
    found = stage.kubectl.find(*WEB) or {}
    return dict(found.get("status") or {})


def _must_be_proven(stage: Stage, revision: int, tag: str) -> None:
    """Proven, deployed and really there are the same revision, and no other."""
    status = _status(stage)
    said = {key: (status.get(key) or {}).get("revision") for key in ("proven", "deployed")}
    if said != {"proven": revision, "deployed": revision}:
        raise StepFailed(f"Revision {revision} should be proven, but the status says {json.dumps(said)}.")
    _must_run(stage, tag)


def _must_be_held(stage: Stage) -> None:
    held = _status(stage).get("held") or {}
    wanted = {"reason": "ImageUnavailable", "failedRevision": 3, "rolledBackTo": 2}
    if {key: held.get(key) for key in wanted} != wanted:
        raise StepFailed(f"Revision 3 should be held and rolled back to 2, but the status says {json.dumps(held)}.")
    names = stage.kubectl.ask("get", "secrets", *IN, "-l", "owner=helm,name=web", "-o", "name").split()
    if len(names) != 4:
        raise StepFailed(f"There should be four revisions: {', '.join(names)}.")
    _must_run(stage, "1.4.2")


def _must_run(stage: Stage, tag: str) -> None:
    """The Deployment has this image, and all its pods are ready."""
    deployment = stage.kubectl.find("deployment", "web", *IN) or {}
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    ready, wanted = deployment["status"].get("readyReplicas"), deployment["spec"]["replicas"]
    if not image.endswith(f":{tag}") or ready != wanted:
        raise StepFailed(f"Image {image} runs with {ready} of {wanted} pods ready; {tag} should, with all.")
