"""The acts of the story, in order. Each shows something that must be true, and ends the demo if it is not."""

import time
from typing import Final

from demo.act import Act
from demo.cluster import EXAMPLE
from demo.faults import StepFailed
from demo.stage import Stage
from landlord.api.names import ANNOTATION_ORPHANED_FROM

BREAK_GLASS: Final = "landlord:break-glass"
RAIDER: Final = """\
apiVersion: landlord.dev/v1alpha1
kind: Tenant
metadata:
  name: raider
spec:
  environments:
    - name: staging
      namespace: shop-staging
"""


def apply_the_examples(stage: Stage) -> None:
    """Environments and Tenants as a platform team commits them become namespaces with all that guards them."""
    began = time.monotonic()
    stage.show("apply", "-k", EXAMPLE)
    stage.show("wait", "--for=condition=Ready", "tenants", "--all", "--timeout=60s")
    stage.say(f"All Ready {time.monotonic() - began:.1f} s after the apply began.")
    stage.kubectl.ask("wait", "--for=jsonpath={.status.tenants.ready}=3", "environments", "--all", "--timeout=60s")
    stage.show("get", "environments,tenants")
    stage.show("get", "namespaces", "-L", "landlord.dev/tenant,landlord.dev/environment", "-l", "landlord.dev/tenant")
    mine = ("-l", "landlord.dev/tenant=shop")
    kinds = "resourcequotas,limitranges,networkpolicies,serviceaccounts,rolebindings"
    stage.show("get", kinds, "-n", "shop", *mine, "-o", "name")


def show_rights(stage: Stage) -> None:
    """The same person writes in staging and only looks in production."""
    developer = ("--as=sam", "--as-group=shop-developers")
    for namespace, verb, wanted in (
        ("shop-staging", "create", "yes"),
        ("shop", "get", "yes"),
        ("shop", "create", "no"),
        ("warehouse-staging", "get", "no"),
    ):
        question = ("auth", "can-i", verb, "deployments.apps", "-n", namespace, *developer)
        stage.terminal.command(("kubectl", *question))
        answer = stage.kubectl.run(*question).out.strip()
        stage.terminal.output(answer)
        if answer != wanted:
            raise StepFailed(f"The answer should be {wanted}.")


def correct_a_hand_edit(stage: Stage) -> None:
    """Guards refuse even an admin; who breaks the glass is let through, and the operator puts it back."""
    target = ("resourcequota", "landlord", "-n", "status-page-staging")
    more = ("patch", *target, "--type=merge", "-p", '{"spec":{"hard":{"pods":"9999"}}}')
    stage.say("The cluster's admin wants more pods for a tenant, by hand. The admission policies refuse it:")
    stage.show_refusal(*more, because="ValidatingAdmissionPolicy 'landlord-")
    stage.say(f"In an emergency the group {BREAK_GLASS} gets past them. Git stays the truth all the same:")
    began = time.monotonic()
    stage.show(*more, *stage.kubectl.breaking_glass(BREAK_GLASS))
    stage.kubectl.until(lambda: _pods(stage, *target) == "30", what="Correction of the quota")
    stage.say(f"Back at 30 pods, {time.monotonic() - began:.1f} s after the edit. What the operator said about it:")
    tenant = "regarding.name=status-page,reason=DriftCorrected"
    events = ("get", "events.events.k8s.io", "-n", "default", "--field-selector", tenant)
    stage.kubectl.until(lambda: bool(stage.kubectl.ask(*events, "-o", "name")), what="An Event about the correction")
    stage.show_words(*events, "-o", "jsonpath={.items[0].note}")


def refuse_a_raider(stage: Stage) -> None:
    """A second Tenant cannot claim what a first one holds."""
    stage.say("Another Tenant claims the namespace shop-staging, which shop holds:")
    stage.show("apply", "-f", "-", stdin=RAIDER)
    reason = '{.status.conditions[?(@.type=="Ready")].reason}'
    stage.show("wait", f"--for=jsonpath={reason}=NamespaceConflict", "tenant/raider", "--timeout=60s")
    stage.show("get", "tenants", "raider", "shop")
    stage.show_words("get", "tenant", "raider", "-o", 'jsonpath={.status.conditions[?(@.type=="Ready")].message}')
    holder = stage.kubectl.find("namespace", "shop-staging") or {}
    if holder.get("metadata", {}).get("labels", {}).get("landlord.dev/tenant") != "shop":
        raise StepFailed("Namespace shop-staging is no longer shop's.")
    stage.show("delete", "tenant", "raider", "--timeout=60s")


def orphan_and_return(stage: Stage) -> None:
    """Deletion orphans by default: the Tenant goes, its namespaces and guards stay, and it can have them back."""
    stage.say("shop is protected, so that a slip of the hand does not delete it:")
    stage.show_refusal("delete", "tenant", "shop", because="is protected from deletion")
    stage.say("status-page is not. Its people lose their rights; what runs goes on running, as guarded as before:")
    stage.show("delete", "tenant", "status-page", "--timeout=60s")
    namespace = ("namespace", "status-page-staging")
    was = ".metadata.annotations." + ANNOTATION_ORPHANED_FROM.replace(".", r"\.")
    stage.show("get", *namespace, "-o", f"custom-columns=NAME:.metadata.name,STATUS:.status.phase,WAS:{was}")
    stage.show("get", "resourcequotas,networkpolicies", "-n", "status-page-staging")
    if _annotations(stage, *namespace).get(ANNOTATION_ORPHANED_FROM) != "status-page":
        raise StepFailed("The namespace does not say whose it was.")
    stage.say("Applied again, it has them back:")
    stage.show("apply", "-f", f"{EXAMPLE}/tenants/status-page.yaml")
    stage.show("wait", "--for=condition=Ready", "tenant/status-page", "--timeout=60s")
    if ANNOTATION_ORPHANED_FROM in _annotations(stage, *namespace):
        raise StepFailed("The namespace still says that it was let go.")


def _annotations(stage: Stage, *target: str) -> dict[str, str]:
    found = stage.kubectl.find(*target) or {}
    return dict(found.get("metadata", {}).get("annotations", {}))


def _pods(stage: Stage, *target: str) -> str:
    quota = stage.kubectl.find(*target) or {}
    return str(quota.get("spec", {}).get("hard", {}).get("pods"))


BEFORE: Final = (
    Act("Three Tenants in two Environments, as a platform team commits them", apply_the_examples),
    Act("Who may do what", show_rights),
    Act("A hand edit is refused, and corrected if it comes true all the same", correct_a_hand_edit),
    Act("A Tenant that claims another one's namespace is refused", refuse_a_raider),
)
AFTER: Final = (Act("A Tenant goes and its namespaces stay", orphan_and_return),)
