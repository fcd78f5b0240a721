"""What a rendered chart holds: its objects, their images, and what of it a tenant's release may not contain.

Documents come parsed; text is the clients' business.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from landlord.api.failures import SpecFault
from landlord.core.release.values import bounded

HOOK: Final = "helm.sh/hook"
WEIGHT: Final = "helm.sh/hook-weight"

MOST_RENDERED: Final = 2_000_000
"""How many parts all documents may have: more than fits into a release."""

_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")
_OWN_GROUPS: Final = ("", "apps", "batch", "autoscaling", "policy", "extensions")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One object of a release as its inventory names it; ``namespace`` is empty when cluster-scoped."""

    api_version: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """One object of a rendered chart. ``namespace`` is what its metadata say, empty when they say nothing."""

    api_version: str
    kind: str
    name: str
    namespace: str
    obj: Mapping[str, Any] = field(hash=False)
    hook_events: tuple[str, ...] = ()
    weight: int = 0

    @property
    def is_hook(self) -> bool:
        """Whether Helm runs it at a moment of its own and keeps it out of the release's manifest."""
        return bool(self.hook_events)

    @property
    def is_test(self) -> bool:
        """Whether ``helm test`` runs it."""
        return any(event in ("test", "test-success") for event in self.hook_events)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def parse(documents: Iterable[Any]) -> tuple[Rendered, ...]:
    """The objects of a manifest's documents in their order; raises ``SpecFault`` for what is no object.

    Empty documents are skipped, and whatever has ``items`` is taken apart, of whatever kind it says it is: Helm does
    so too, and applies what is in it.
    """
    taken = list(documents)
    bounded(taken, "spec.chart", MOST_RENDERED)
    return tuple(_object(document) for document in _flattened(taken))


def _flattened(documents: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for document in documents:
        if document is None or document == {}:
            continue
        if not isinstance(document, Mapping):
            raise _fault(f"a document that is {_brief(document)}")
        if isinstance(document.get("items"), list):
            yield from _flattened(document["items"])
        else:
            yield document


def _object(document: Mapping[str, Any]) -> Rendered:
    meta = document.get("metadata")
    version, kind = document.get("apiVersion"), document.get("kind")
    if not (isinstance(version, str) and version and isinstance(kind, str) and kind):
        raise _fault(f"an object without apiVersion or kind, {_brief(document)}")
    name = meta.get("name") or meta.get("generateName") if isinstance(meta, Mapping) else None
    if not isinstance(meta, Mapping) or not isinstance(name, str):
        raise _fault(f"an object of kind {kind} without a name")
    notes = meta.get("annotations")
    notes = notes if isinstance(notes, Mapping) else {}
    # An event that Helm does not know makes a hook all the same: one that never runs.
    events = tuple(part.strip().lower() for part in str(notes[HOOK]).split(",")) if HOOK in notes else ()
    return Rendered(version, kind, name, str(meta.get("namespace") or ""), document, events, _weight(notes))


def _weight(notes: Mapping[str, Any]) -> int:
    """The hook's weight; what is no number counts as 0, as with Helm."""
    try:
        return int(notes.get(WEIGHT, 0))
    except (TypeError, ValueError):
        return 0


def _fault(what: str) -> SpecFault:
    return SpecFault("spec.chart", f"the chart renders {what}; mend its template or the values it uses.")


def _brief(value: Any) -> str:
    """What a person may be told of it: never values, which may be secret."""
    if isinstance(value, Mapping):
        return f"with the keys {', '.join(sorted(map(str, value))[:8]) or 'of nothing'}"
    return "a list" if isinstance(value, list) else f"plain text or a number of {len(str(value))} characters"


def images(rendered: Sequence[Rendered], mapped: Callable[[str], str] = str) -> tuple[str, ...]:
    """Every image named, hooks included, sorted and each once; ``mapped`` undoes the rewriting of mirrors.

    Found wherever a list of containers or an image volume stands, so also in custom resources; of these also a plain
    ``image``.
    """
    found = {
        mapped(image)
        for each in rendered
        for image in _images(_body(each.obj), is_custom=not _is_built_in(each.api_version))
        if image
    }
    return tuple(sorted(found))


def _body(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in obj.items() if key != "metadata"}


def _is_built_in(api_version: str) -> bool:
    group = api_version.rpartition("/")[0]
    return group in _OWN_GROUPS or group.endswith(".k8s.io")


def _images(value: Any, *, is_custom: bool) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _images(inner, is_custom=is_custom)
    if not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        if key in _CONTAINERS and isinstance(inner, list):
            yield from (str(item["image"]) for item in inner if isinstance(item, Mapping) and item.get("image"))
        elif key == "volumes" and isinstance(inner, list):
            yield from filter(None, map(_volume_image, inner))
        elif is_custom and key == "image" and isinstance(inner, str):
            yield inner
        yield from _images(inner, is_custom=is_custom)


def _volume_image(volume: Any) -> str:
    """The reference of an image volume, empty for any other."""
    image = volume.get("image") if isinstance(volume, Mapping) else None
    return str(image.get("reference") or "") if isinstance(image, Mapping) else ""


def foreign(
    rendered: Sequence[Rendered], namespace: str, namespaced: Callable[[str, str], bool | None]
) -> tuple[str, ...]:
    """What reaches beyond ``namespace``, each in words: cluster-scoped objects and those of other namespaces.

    ``namespaced`` tells by apiVersion and kind, and None when the API server does not serve that kind. Of such a kind
    only the namespace it names is judged; ``unserved`` tells the rest.
    """
    words = (_beyond(each, namespace, namespaced(each.api_version, each.kind)) for each in rendered)
    return tuple(dict.fromkeys(filter(None, words)))


def _beyond(each: Rendered, namespace: str, is_namespaced: bool | None) -> str:
    what = f"{'hook ' if each.is_hook else ''}{each.kind} {each.name}"
    if is_namespaced is False:
        return f"{what} (cluster-scoped)"
    return f"{what} (namespace {each.namespace})" if each.namespace not in ("", namespace) else ""


def unserved(rendered: Sequence[Rendered], namespaced: Callable[[str, str], bool | None]) -> tuple[str, ...]:
    """The kinds (``apiVersion kind``) that the API server does not serve: their CRDs must come first."""
    kinds = sorted({(each.api_version, each.kind) for each in rendered})
    return tuple(f"{version} {kind}" for version, kind in kinds if namespaced(version, kind) is None)


def inventory(rendered: Sequence[Rendered], namespace: str) -> tuple[Entry, ...]:
    """The objects the release keeps, hooks left out, sorted; those without a namespace get ``namespace``."""
    entries = {
        Entry(each.api_version, each.kind, each.namespace or namespace, each.name)
        for each in rendered
        if not each.is_hook
    }
    return tuple(sorted(entries))
