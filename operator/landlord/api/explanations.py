"""The reasons of Tenants and Environments: what each means and what to do."""

from typing import Final

from landlord.api.reasons import Reason

TENANTS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.APPLIED: ("All objects are as the spec says.", "Nothing to do."),
    Reason.PROGRESSING: ("Objects are being written, or are waited for.", "Wait; the message says for what."),
    Reason.INVALID_SPEC: ("The spec cannot be made true as written.", "Change the field the message names."),
    Reason.SUSPENDED: ("spec.suspend or the annotation landlord.dev/suspend is set.", "Remove it to go on."),
    Reason.ENVIRONMENT_MISSING: (
        "No Environment of that name exists. What runs is left alone; nothing new is made.",
        "Create the Environment, or take it out of the Tenant.",
    ),
    Reason.ENVIRONMENT_DELETING: (
        "The Environment is being deleted. What runs is left alone; nothing new is made.",
        "Take it out of the Tenant, or create the Environment anew.",
    ),
    Reason.ENVIRONMENT_SUSPENDED: ("The Environment is suspended.", "Resume the Environment to go on."),
    Reason.ENVIRONMENT_INVALID: (
        "The Environment's spec is not understood. What runs is left alone; nothing new is made.",
        "Mend the Environment as its own condition says.",
    ),
    Reason.NAMESPACE_CONFLICT: (
        "Another Tenant holds, or is first to claim, this namespace.",
        "Give one of the two another namespace.",
    ),
    Reason.NAMESPACE_EXISTS: (
        "A namespace of that name exists and belongs to nobody we know.",
        "Set adopt: Preview to see what adoption would do, then Enforce; or choose another name.",
    ),
    Reason.NAMESPACE_TERMINATING: (
        "The namespace is being deleted; what holds it is in the message.",
        "Wait, or remove what holds it.",
    ),
    Reason.PROTECTED_NAMESPACE: ("The name belongs to Kubernetes or to the platform.", "Choose another name."),
    Reason.ADOPTION_PREVIEW: (
        "adopt is Preview: nothing is written; status lists what adoption would break.",
        "Mend the findings, then set adopt: Enforce.",
    ),
    Reason.AGGREGATE_EXCEEDED: (
        "The quotas of all environments together are above quota.aggregate.",
        "Lower an environment's quota or raise the aggregate; the message has the numbers.",
    ),
    Reason.USED_ABOVE_QUOTA: ("More is in use than the quota now allows.", "Scale down or raise the quota."),
    Reason.FORBIDDEN: (
        "RBAC, a quota or an admission policy refused the operator.",
        "Grant what the message names; it is tried again every few minutes.",
    ),
    Reason.REJECTED: ("The API server did not accept an object.", "Change the field the message names."),
    Reason.NOT_OURS: (
        "An object of that name exists and is not ours; it is left alone.",
        "Rename one of the two, or delete the other object.",
    ),
    Reason.API_TROUBLE: ("The API server did not answer as it should.", "Wait; it is tried again with backoff."),
    Reason.INTERNAL_ERROR: (
        "A mistake of Landlord's own keeps it from going on with this object.",
        "It is tried again with backoff. The operator's log says where; please report it.",
    ),
    Reason.DRIFT_FOUND: ("Objects differ from what was applied.", "Undo the change, or set drift.mode to Correct."),
    Reason.NO_DRIFT: ("Nothing differs.", "Nothing to do."),
    Reason.CORRECTIONS_CAPPED: (
        "The cap of corrections per hour is reached.",
        "Find who changes the objects; corrections go on when the hour is over.",
    ),
    Reason.OTHER_WRITER: (
        "Another field manager changed the same object back again and again.",
        "Stop the other writer the message names, or put the field under drift.ignore.",
    ),
    Reason.CORDONED: ("spec.cordoned is set.", "Remove it to let the tenant write again."),
    Reason.DELETING: ("Deletion goes on.", "Wait; the message names what holds it."),
    Reason.TENANTS_PRESENT: ("Tenants name this Environment.", "Take it out of those Tenants first."),
    Reason.NO_TENANTS: ("No Tenant names this Environment.", "Nothing to do."),
}
