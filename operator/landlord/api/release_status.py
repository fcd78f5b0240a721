"""AppRelease status: what was deployed, what is proven, what is held, what is going on."""

from typing import Annotated

from pydantic import Field

from landlord.api.conditions import CONDITION_WORD, Condition
from landlord.api.schema import Model, Text, Timestamp, marks

Message = Annotated[str, Field(max_length=4096)]
Word = Annotated[str, Field(max_length=128, pattern=CONDITION_WORD)]
Hash = Annotated[str, Field(max_length=128)]
Revision = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
SourceRevision = Annotated[str, Field(max_length=253)]


class DesiredStatus(Model):
    """What the spec and all it refers to come to."""

    candidate: Hash = Field("", description="Digest of chart content, images and shared inputs.")
    attempt: Hash = Field("", description="Key of the attempt: candidate, merged values and health checks.")
    chart_digest: Hash = Field("", description="Digest of the chart's content.")
    values_digest: Hash = Field("", description="Digest of the merged values.")
    chart_version: Text = Field("", description="Version of the chart.")


class RevisionStatus(Model):
    """One Helm revision."""

    revision: Revision = Field(description="Its number.")
    candidate: Hash = Field("", description="What it deployed; empty when it was not made by Landlord.")
    chart_version: Text = Field("", description="Version of its chart.")
    app_version: Text = Field("", description="appVersion of its chart.")
    at: Timestamp | None = Field(None, description="When it was deployed, or proven.")


class HeldStatus(Model):
    """Why nothing is tried again until Git says something new."""

    attempt: Hash = Field(description="The attempt that is not repeated.")
    candidate: Hash = Field("", description="What it deployed.")
    reason: Word = Field(description="Why it failed, in one word.")
    message: Message = Field("", description="Why it failed, and what to do.")
    since: Timestamp = Field(description="Since when.")
    failed_revision: Revision | None = Field(None, description="The revision that failed, if there was one.")
    rolled_back_to: Revision | None = Field(None, description="The proven revision that runs instead.")


class AttemptStatus(Model):
    """The attempt that is going on."""

    key: Hash = Field(description="Which one; a new key is a new attempt.")
    action: Word | None = Field(None, description="Deploy or Rollback.")
    stage: Word | None = Field(None, description="How far it is, such as Deploying, Verifying, Testing, Baking.")
    revision: Revision | None = Field(None, description="The revision it made.")
    tries: Count = Field(0, description="How many times Helm was started for it.")
    started_at: Timestamp | None = Field(None, description="When it began.")
    deadline: Timestamp | None = Field(None, description="When its present stage ends at the latest.")
    message: Message = Field("", description="What it waits for.")


class HistoryEntry(Model):
    """One finished attempt."""

    revision: Revision = Field(0, description="The revision it made; 0 if none.")
    candidate: Hash = Field("", description="What it deployed.")
    chart_version: Text = Field("", description="Version of its chart.")
    outcome: Word = Field(description="Proven, Rejected, Undetermined or Cancelled.")
    reason: Word | None = Field(None, description="Why, in one word.")
    message: Annotated[str, Field(max_length=1024)] = Field("", description="Why.")
    finished_at: Timestamp | None = Field(None, description="When it ended.")


class CheckStatus(Model):
    """One health check, as it stands."""

    name: Text = Field(description="Its name.")
    state: Word = Field(description="Pending, Passing, Failing, Inconclusive or PreExisting.")
    message: Annotated[str, Field(max_length=1024)] = Field("", description="Why it is so.")


class DriftedObject(Model):
    """One object that differs from what was deployed."""

    object: Annotated[str, Field(max_length=512)] = Field(description="KIND NAME.")
    fields: Annotated[tuple[Annotated[str, Field(max_length=512)], ...], Field(max_length=16)] = Field(
        (), description="What differs, as JSON pointers."
    )
    manager: Annotated[str, Field(max_length=253)] = Field("", description="The field manager that changed it.")


class DriftStatus(Model):
    """What differs from what was deployed."""

    count: Count = Field(0, description="How many objects.")
    objects: Annotated[tuple[DriftedObject, ...], Field(max_length=20)] = Field((), description="The first of them.")


class Inventory(Model):
    """The objects of the release."""

    count: Count = Field(0, description="How many.")
    entries: Annotated[tuple[Annotated[str, Field(max_length=512)], ...], Field(max_length=200)] = Field(
        (), description="The first of them, as APIVERSION KIND NAME."
    )


class AppReleaseStatus(Model):
    """The release as it is."""

    observed_generation: Annotated[int, Field(ge=-1)] = Field(
        -1, description="The generation that was last acted on; -1 before the first time."
    )
    last_handled_reconcile_at: Annotated[str, Field(max_length=253)] | None = Field(
        None, description="The annotation landlord.dev/requested-at as last seen."
    )
    last_handled_retry_at: Annotated[str, Field(max_length=253)] | None = Field(
        None, description="The annotation landlord.dev/retry-at as last seen."
    )
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = Field(
        (), description="Conditions of the release.", json_schema_extra=marks(keys=("type",))
    )
    environment: Text = Field("", description="The Environment whose namespace this is.")
    desired: DesiredStatus | None = Field(None, description="What the spec and all it refers to come to.")
    deployed: RevisionStatus | None = Field(None, description="The revision that runs.")
    proven: RevisionStatus | None = Field(None, description="The revision that a rollback goes back to.")
    held: HeldStatus | None = Field(None, description="Why nothing is tried again; absent when nothing is held.")
    attempt: AttemptStatus | None = Field(None, description="The attempt that is going on; absent at rest.")
    history: Annotated[tuple[HistoryEntry, ...], Field(max_length=10)] = Field(
        (), description="The last attempts, newest first."
    )
    checks: Annotated[tuple[CheckStatus, ...], Field(max_length=48)] = Field(
        (), description="Health checks, as they stand.", json_schema_extra=marks(keys=("name",))
    )
    drift: DriftStatus | None = Field(None, description="What differs from what was deployed; absent if nothing does.")
    inventory: Inventory | None = Field(None, description="The objects of the release.")
    source_revision: SourceRevision = Field(
        "", description="The annotation landlord.dev/source-revision of what was last acted on."
    )
