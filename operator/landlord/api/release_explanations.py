"""The reasons of AppReleases: what each means and what to do."""

from typing import Final

from landlord.api.reasons import Reason

_NEW = "Commit a change; or, to try the very same again, set the annotation landlord.dev/retry-at to the present time."
_CLEARS = "Clear the cause the message names; it is then tried again by itself. Nothing was rejected."
_NO_VERDICT = "Told as soon as it is seen; however long it lasts, the worst verdict is Undetermined."

RELEASES: Final[dict[Reason, tuple[str, str]]] = {
    Reason.PROVEN: ("What the spec asks for runs, became ready, passed its tests and baked.", "Nothing to do."),
    Reason.DEPLOYING: ("Helm installs or upgrades the release.", "Wait."),
    Reason.TESTING: ("The release is ready; the chart's own tests run.", "Wait."),
    Reason.BAKING: ("The release is ready and must now stay healthy for the bake.", "Wait; the message says how long."),
    Reason.ROLLING_BACK: ("The release turned out bad and goes back to the proven revision.", "Wait."),
    Reason.ROLLED_BACK: ("The release turned out bad; the proven revision runs instead.", f"See the message. {_NEW}"),
    Reason.ROLLBACK_FAILED: (
        "The rollback itself failed as often as rollback.attempts allows.",
        f"A person must look at the namespace now; the message has Helm's words. {_NEW}",
    ),
    Reason.ROLLBACK_BLOCKED: (
        "The proven revision cannot run: its image is gone, or the quota is too small for it.",
        "Bring back the image or raise the quota the message names; the rollback then goes on by itself.",
    ),
    Reason.ROLLBACK_DISABLED: (
        "The release turned out bad and is left as it is, because rollback.mode is Disabled.",
        f"Fix forward. {_NEW}",
    ),
    Reason.MISSING_ROLLBACK_TARGET: (
        "The release turned out bad and its proven revision is not in Helm's history any more.",
        f"Fix forward. {_NEW}",
    ),
    Reason.INSTALL_FAILED: ("The first install failed; there is nothing to go back to.", f"See the message. {_NEW}"),
    Reason.UPGRADE_FAILED: ("Helm could not upgrade the release.", f"See the message. {_NEW}"),
    Reason.UNREADY: (
        "A workload is not ready. Of a proven release this is told and no more: it is not rolled back.",
        "See what the message names: kubectl describe it, read its logs.",
    ),
    Reason.CHECK_FAILED: ("A health check failed more often than its limits forgive.", f"See the message. {_NEW}"),
    Reason.CRASH_LOOPING: ("A container ends again and again.", f"Read its logs with --previous. {_NEW}"),
    Reason.OUT_OF_MEMORY: (
        "A container was ended because it needs more memory than its limit.",
        f"Raise its memory limit or mend the leak. {_NEW}",
    ),
    Reason.IMAGE_UNAVAILABLE: (
        "An image does not exist, may not be pulled, or has no valid name.",
        f"Push the image or mend its name or pull secret. {_NEW}",
    ),
    Reason.TEST_FAILED: ("One of the chart's own tests failed.", f"Read the logs of the pod the message names. {_NEW}"),
    Reason.HOOK_FAILED: ("A hook of the chart failed.", f"Read the logs of the Job the message names. {_NEW}"),
    Reason.TIMEOUT: (
        "The release did not become ready within its timeout.",
        f"See what the message names; raise timeout if it only needs longer. {_NEW}",
    ),
    Reason.QUOTA_EXCEEDED: (f"The namespace's quota or limits leave no room for the pods. {_NO_VERDICT}", _CLEARS),
    Reason.UNSCHEDULABLE: (f"No node takes the pods. {_NO_VERDICT}", _CLEARS),
    Reason.WEBHOOK_UNAVAILABLE: (f"An admission webhook could not be asked. {_NO_VERDICT}", _CLEARS),
    Reason.REGISTRY_UNAVAILABLE: (f"The registry of an image or chart did not answer. {_NO_VERDICT}", _CLEARS),
    Reason.INCONCLUSIVE: (
        "A check brought no answer, so nothing is known of it.",
        "See that Prometheus, or what else is asked, answers; set onError or onNoData to be stricter or milder.",
    ),
    Reason.CHECKS_PASSED: ("All workloads are ready.", "Nothing to do."),
    Reason.DEPENDENCY_NOT_READY: (
        "A release named under dependsOn is not there or not proven yet.",
        "Wait, or mend the release the message names.",
    ),
    Reason.DEPENDENCY_CYCLE: ("Releases depend on each other in a circle.", "Take one of them out of dependsOn."),
    Reason.NOT_A_TENANT_NAMESPACE: (
        "The namespace belongs to no Tenant, so there is nobody to deploy as.",
        "Move the AppRelease to a namespace of a Tenant.",
    ),
    Reason.WAITING_FOR_VALUES: (
        "A ConfigMap or Secret that valuesFrom or substitute names is not there, or lacks the key.",
        "Create it, or set optional.",
    ),
    Reason.VALUES_ERROR: (
        "The values cannot be put together: bad YAML, an unknown variable, or a path through a text.",
        "Mend the layer the message names.",
    ),
    Reason.RENDER_FAILED: (
        "A template of the chart fails with these values. Nothing was changed in the cluster.",
        "Mend the values or the chart as the message says.",
    ),
    Reason.SCHEMA_INVALID: (
        "The values do not fit the chart's own schema. Nothing was changed in the cluster.",
        "Mend the values the message names.",
    ),
    Reason.CHART_FETCH_FAILED: (
        "The chart could not be had, or is none. What runs keeps running.",
        "Check repository, name, version and the pull secret.",
    ),
    Reason.CHART_DIGEST_MISMATCH: (
        "The chart's content is not what chart.digest says. What runs keeps running.",
        "Find out who changed the chart; set chart.digest to what you trust.",
    ),
    Reason.CHART_CONTENT_CHANGED: (
        "The same version now has other content. What runs keeps running.",
        "Publish charts under new versions, or pin the new content with chart.digest.",
    ),
    Reason.CHART_SOURCE_FORBIDDEN: (
        "The Tenant may not take charts from there.",
        "Use a repository of policies.chartSources, or have the platform add this one.",
    ),
    Reason.FORBIDDEN_OBJECTS: (
        "The chart has objects that a tenant's release may not: cluster-scoped ones, or in other namespaces.",
        "Take the objects the message names out of the chart, or have the platform install them.",
    ),
    Reason.MISSING_CRD: (
        "The chart needs a kind that this cluster does not serve; a chart's own CRDs are never installed.",
        "Have the platform install the CRD the message names; it is then tried again.",
    ),
    Reason.IMMUTABLE_FIELD: (
        "The change touches a field that cannot be changed in place.",
        f"Set upgrade.recreate for Jobs; else delete the object the message names, or rename it. {_NEW}",
    ),
    Reason.RELEASE_TOO_LARGE: (
        "Chart, values and manifest together do not fit into one Secret (1 MiB).",
        "Make the chart smaller: large files belong into images.",
    ),
    Reason.OWNERSHIP_CONFLICT: (
        "An object of the chart's exists already and belongs to no release, or to another one.",
        "Delete or rename one of the two, or set upgrade.takeOwnership.",
    ),
    Reason.RELEASE_NAME_TAKEN: (
        "Another AppRelease of the namespace has the same Helm release.",
        "Give one of the two another releaseName.",
    ),
    Reason.RELEASE_LOCKED: (
        "Helm's history says that an operation runs, and it is not proven that it ended.",
        "Wait, it is unlocked as soon as that is certain; end a Helm that a person runs by hand.",
    ),
    Reason.INTERRUPTED: (
        "The operator was ended while Helm ran; what Helm had begun is done again.",
        "Nothing to do.",
    ),
    Reason.HELD: (
        "The very same attempt was rejected before.",
        "Change the spec, or set the annotation landlord.dev/retry-at to try the same again.",
    ),
    Reason.EXTERNAL_CHANGE: (
        "Somebody ran Helm by hand; what runs is not what Landlord deployed.",
        "Change releases in Git only; the spec is deployed again where it differs.",
    ),
    Reason.RECOVERED: (
        "A release that had failed became healthy by itself, stayed so for a bake, and counts as proven.",
        "Nothing to do.",
    ),
    Reason.UNINSTALLING: ("The release is being uninstalled.", "Wait."),
    Reason.UNINSTALL_FAILED: (
        "Helm could not uninstall the release.",
        "Mend what the message names; or set deletionPolicy: Orphan to let the AppRelease go without.",
    ),
    Reason.ADOPTING: ("An existing Helm release is taken over without deploying it again.", "Wait for one bake."),
    Reason.CANCELLED: ("A newer spec came before there was a verdict.", "Nothing to do."),
}
