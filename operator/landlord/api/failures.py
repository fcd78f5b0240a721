"""The failures of the house: few, and each names the caller's duty.

    LandlordFailure
    |- SpecFault(path, why)   the user must change the object          no retry until its generation changes; Stalled
    |- NotYet(why, after)     a precondition is unmet, not an error    look again after ``after``
    |- Transient(why)         the outside stumbled                     retry with backoff
    |  |- Busy(after)         the API server asked us to slow down     retry no sooner than ``after``
    |  |- Conflict            somebody wrote in between                read the world again, then decide again
    |  |- Gone                the watch or page is too old             list again
    |  `- Missing             what the request names is not there      read the world again
    `- Refused(why)           the outside said no for good             slow retry; Stalled until spec or rights change
       |- Forbidden           RBAC, a quota or an admission policy said no
       |- Invalid             the API server will not take this manifest
       |- NotOurs             the object belongs to somebody else
       `- HelmFailed(trouble) Helm ran and failed; ``trouble`` says whose fault it is

Clients translate vendor errors into these, and nothing else leaves them. Expected bad news (drift found, gate
closed) is a value, not a failure. Anything outside the tree is a bug: logged with its traceback and retried.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum


class LandlordFailure(Exception):
    """The root: ``why`` is a full sentence fit for a condition message."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class SpecFault(LandlordFailure):
    """The spec cannot be made true as written; ``path`` is where, such as ``spec.environments[dev].quota``."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


class NotYet(LandlordFailure):
    """Something that must be true first is not yet true; worth another look after ``after``."""

    def __init__(self, why: str, after: timedelta) -> None:
        super().__init__(why)
        self.after = after


class Transient(LandlordFailure):
    """The outside stumbled: time-outs, 5xx, lost connections. Whether the world changed is unknown."""


class Busy(Transient):
    """The API server answered 429; ``after`` is its Retry-After, or one second."""

    def __init__(self, why: str, after: timedelta) -> None:
        super().__init__(why)
        self.after = after


class Conflict(Transient):
    """409: the object is not what we thought (resourceVersion, UID, or it already exists). Nothing was changed."""


class Gone(Transient):
    """410: the resourceVersion or continue token is too old. Nothing was changed."""


class Missing(Transient):
    """404: the object, its namespace, or something it refers to is not there. Nothing was changed."""


class Refused(LandlordFailure):
    """The outside said no for good. Nothing was changed."""


class Forbidden(Refused):
    """403: RBAC, quota or an admission policy; ``why`` holds the server's words."""


class Invalid(Refused):
    """400 or 422: the API server rejects the manifest; ``why`` holds its words."""


class NotOurs(Refused):
    """An object of that name exists and is somebody else's; it was left as it is."""


class HelmTrouble(StrEnum):
    """Why a Helm run failed, as far as it decides what to do next."""

    RENDER = "render"
    """A template fails, or the result is no valid manifest."""
    SCHEMA = "schema"
    """The values do not fit the chart's schema."""
    UNKNOWN_KIND = "unknown-kind"
    """The manifest names a kind that the API server does not serve."""
    IMMUTABLE = "immutable"
    """A field that may not change would."""
    OWNERSHIP = "ownership"
    """An object exists already and belongs to another release or to nobody."""
    CONFLICT = "conflict"
    """Another field manager holds a field."""
    TOO_LARGE = "too-large"
    """The release does not fit into a Secret."""
    FORBIDDEN = "forbidden"
    """The deployer may not do that."""
    INVALID = "invalid"
    """The API server rejects an object."""
    HOOK_FAILED = "hook-failed"
    """A hook's Job or Pod failed."""
    HOOK_TIMEOUT = "hook-timeout"
    """A hook did not end in time."""
    TEST_FAILED = "test-failed"
    """A Helm test failed."""
    QUOTA = "quota"
    """A quota or limit of the namespace is full."""
    WEBHOOK = "webhook"
    """An admission webhook could not be asked."""
    POLICY = "policy"
    """An admission webhook or policy said no."""
    TERMINATING = "terminating"
    """The namespace is being deleted."""
    LOCKED = "locked"
    """Another operation is, or seems to be, in progress."""
    NO_DEPLOYED = "no-deployed"
    """There is history, but no revision to upgrade from."""
    MISSING_REVISION = "missing-revision"
    """The revision to go back to is not there."""
    OUTAGE = "outage"
    """The API server could not be reached, or was overloaded."""
    KILLED = "killed"
    """The process was ended by a signal, or took too long."""
    UNKNOWN = "unknown"
    """Words that are not known; taken as the release's own fault after retries."""


class HelmFailed(Refused):
    """Helm ran and failed. The world may be changed half-way; the history tells."""

    def __init__(self, trouble: HelmTrouble, why: str) -> None:
        super().__init__(why)
        self.trouble = trouble


def raise_worst(failures: Sequence[LandlordFailure]) -> None:
    """Raise the failure that decides when to try again: what may heal goes before what was refused."""
    for failure in sorted(failures, key=lambda each: isinstance(each, Refused)):
        raise failure
