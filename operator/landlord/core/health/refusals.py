"""Words in which kubelets and controllers say why something cannot be, read for who is to blame.

Patterns follow what containerd, registries, the API server and its admission plugins print; what is unknown stays
unknown, and then time decides.
"""

import re
from collections.abc import Mapping

from landlord.core.health.signs import Sign

_OUTAGE = re.compile(
    r"\b(429|50[0-9])\b|toomanyrequests|too many requests|QPS exceeded|i/o timeout|timed? ?out|deadline ?exceeded"
    r"|connection (refused|reset)|no such host|server misbehaving|TLS handshake|network is unreachable|no route to host"
    r"|\bEOF\b|x509|HTTP response to HTTPS|temporary failure|unavailable|internal server error|bad gateway|broken pipe",
    re.IGNORECASE,
)
_NODE = re.compile(
    r"no space left|read-only file system|input/output error|snapshot .*(not found|does not exist)|content digest"
    r"|executable file not found",
    re.IGNORECASE,
)
_UNAUTHORIZED = re.compile(
    r"unauthorized|authentication required|access denied|insufficient_scope|authorization failed|\b40[13]\b|forbidden"
    r"|no basic auth|denied: |is denied",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"not ?found|(manifest|name|blob) unknown|does not exist|no match for platform|no matching manifest|\b404\b"
    r"|no such image|is not present with pull policy",
    re.IGNORECASE,
)


def of_pull(message: str, image: str) -> Sign:
    """Why an image could not be pulled; ``POD_TROUBLE`` when the words do not tell."""
    words = " ".join(word for word in message.split() if not _names(word, image))
    ranks: Mapping[Sign, re.Pattern[str]] = {
        Sign.NODE: _NODE,
        Sign.REGISTRY: _OUTAGE,
        Sign.IMAGE_UNAUTHORIZED: _UNAUTHORIZED,
        Sign.IMAGE_NOT_FOUND: _ABSENT,
    }
    return next((sign for sign, pattern in ranks.items() if pattern.search(words)), Sign.POD_TROUBLE)


def _names(word: str, image: str) -> bool:
    """Whether this word holds the image's name: an image may be called ``timeout`` or ``denied``."""
    name = re.escape(image.partition("@")[0].rpartition("/")[2].partition(":")[0])
    return bool(name) and re.search(rf"""[/"']{name}([/:@"',]|$)|(^|[/"']){name}[/:@]""", word) is not None


_REFUSED = (
    (re.compile(r"exceeded quota|failed quota|resource quota evaluation"), Sign.QUOTA),
    (re.compile(r"failed calling webhook|failed to call webhook"), Sign.WEBHOOK),
    (
        re.compile(r"violates PodSecurity|denied (the )?request|is not allowed by|unable to validate against"),
        Sign.POLICY,
    ),
    (re.compile(r"(maximum|minimum) [\w.-]+ (usage|.*ratio) per|limit to request ratio"), Sign.POLICY),
    (re.compile(r"timeout|connection refused|etcdserver|Internal error occurred|too many requests"), Sign.WEBHOOK),
)


def of_creation(message: str) -> Sign:
    """Why a controller could not create a pod; ``POD_TROUBLE`` when it is nothing but the pod's own fault."""
    return next((sign for pattern, sign in _REFUSED if pattern.search(message)), Sign.POD_TROUBLE)


_MOUNT_ABSENT = re.compile(r"(secret|configmap|references non-existent \w+ key).*not found|non-existent", re.IGNORECASE)


def of_mount(message: str) -> Sign:
    """Why a volume could not be mounted: something the release should have brought, or the storage."""
    return Sign.POD_TROUBLE if _MOUNT_ABSENT.search(message) else Sign.VOLUME


def cause(message: str, image: str) -> str:
    """Why a pull failed, in the words of whoever refused it; the image, and that it was a pull, are told already."""
    name = rf'[^\s"]*{re.escape(image)}'  # runtimes put before it the registry that they took for granted
    if re.fullmatch(rf'Back-off pulling image "{name}"\.?', message):
        return "the node waits before it tries again"
    words = re.split(rf'"{name}": ', message)[-1]
    words = re.sub(rf"^(?:{_WRAPPING}|{name}: )+", "", words)
    return re.sub(rf'^Container image "{name}" ', "it ", words) or message


_WRAPPING = r'Err\w+: |rpc error: code = \w+ desc = |failed to do request: \w+ "[^"]*": '


def refusal(message: str) -> str:
    """Why a pod could not be created, without the name that it would have had: each new try makes up another."""
    return _ATTEMPTED.sub("", message, count=1) or message


_ATTEMPTED = re.compile(
    r'^(?:Error creating: |create Pod \S+ in StatefulSet \S+ failed error: )?(?:pods? "[^"]*" is forbidden: )?'
)


def brief(message: object, longest: int = 300) -> str:
    """The message on one line, its middle cut out if it is long, without a full stop."""
    line = " ".join(str(message or "").removeprefix(_COMBINED).split())
    line = _ORIGIN.sub("", _QUERY.sub("?...", line))
    if len(line) > longest:
        line = f"{line[: longest // 2 - 5]} ... {line[-longest // 2 :]}"
    return line.rstrip(". ")


_COMBINED = "(combined from similar events): "
_QUERY = re.compile(r"\?[\w%.~-]+=[^\s\"']*")
"""Of addresses: a registry's redirect may carry a signature there."""

_ORIGIN = re.compile(r"(?<!\S)\S{1,60}:\d{1,5}->(?=\S+:\d)")
"""Of connections: our end of it, whose port is another one each time."""
