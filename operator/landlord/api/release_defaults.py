"""How a release is rolled back and kept, and what an Environment says of that for all releases in it."""

from enum import StrEnum

from pydantic import Field

from landlord.api.checks import HealthChecks
from landlord.api.durations import Timeout, Window
from landlord.api.pins import Values
from landlord.api.schema import Model, marks


class RollbackMode(StrEnum):
    """What happens to a release that turns out bad."""

    AUTOMATIC = "Automatic"
    DISABLED = "Disabled"


class DriftMode(StrEnum):
    """What to do about hand edits."""

    IGNORE = "Ignore"
    WARN = "Warn"
    CORRECT = "Correct"


class RollbackDefaults(Model):
    """What becomes of bad releases."""

    mode: RollbackMode | None = Field(None, description="Automatic or Disabled; default Automatic.")


class DriftDefaults(Model):
    """How hand edits of releases' objects are met."""

    mode: DriftMode | None = Field(
        None, description="Ignore, Warn or Correct; default Correct in production, elsewhere Warn."
    )


class ReleaseDefaults(Model):
    """What every AppRelease here gets unless it says otherwise."""

    values: Values | None = Field(None, description="Values below all values of the release itself.")
    timeout: Timeout | None = Field(None, description="How long a release may take to become ready; default 10m.")
    bake: Window | None = Field(None, description="How long it must then stay healthy; default 2m.")
    health_checks: HealthChecks = Field(
        (),
        description="Checks for every release; a check of the same name in the release replaces one of these.",
        json_schema_extra=marks(keys=("name",)),
    )
    rollback: RollbackDefaults | None = Field(None, description="What becomes of bad releases.")
    drift: DriftDefaults | None = Field(None, description="How hand edits of releases' objects are met.")
