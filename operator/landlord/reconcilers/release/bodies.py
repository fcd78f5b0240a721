"""AppReleases as last seen. As in the World, an older sight never replaces a newer one."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

from landlord.api.refs import APPRELEASES, Ref
from landlord.core.child import version_of
from landlord.reconcilers.objects import wishes

Body = dict[str, Any]
REMEMBERED: Final = 16384


class Bodies:
    """All AppReleases by key, and by namespace."""

    def __init__(self) -> None:
        self._bodies: dict[Ref, Body] = {}
        self._namespaces: dict[str, set[Ref]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

    def get(self, ref: Ref) -> Body | None:
        """One of them, None when there is none."""
        return self._bodies.get(ref)

    def __iter__(self) -> Iterator[Ref]:
        return iter(list(self._bodies))

    def __len__(self) -> int:
        return len(self._bodies)

    def within(self, namespace: str) -> list[Ref]:
        """Those of a namespace, by name."""
        return sorted(self._namespaces.get(namespace, ()))

    def put(self, body: Body) -> bool:
        """Keep the body unless a newer one is known; whether it was kept."""
        ref, before = ref_of(body), self._bodies.get(ref_of(body))
        is_older = before is not None and version_of(before) > version_of(body)
        if is_older or str(body["metadata"].get("uid")) in self._gone:
            return False
        self._bodies[ref] = body
        self._namespaces.setdefault(ref.namespace or "", set()).add(ref)
        return True

    def echo(self, answer: Body) -> None:
        """Keep the answer to an own write, unless it tells of wishes that no event has: that event must wake a pass."""
        before = self._bodies.get(ref_of(answer))
        if before is not None and wishes(before) == wishes(answer):
            self.put(answer)

    def drop(self, ref: Ref, uid: str) -> bool:
        """Forget one that is gone, unless one of that name was made anew since; whether it was forgotten."""
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)
        body = self._bodies.get(ref)
        if body is None or body["metadata"].get("uid") != uid:
            return False
        del self._bodies[ref]
        left = self._namespaces[ref.namespace or ""]
        left.discard(ref)
        if not left:
            del self._namespaces[ref.namespace or ""]
        return True


def ref_of(body: Body) -> Ref:
    """The key of an AppRelease."""
    return Ref(APPRELEASES.kind, body["metadata"]["namespace"], body["metadata"]["name"])
