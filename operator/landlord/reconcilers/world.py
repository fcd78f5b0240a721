"""What the operator has seen: our kinds as bodies, tenants' objects as digests. Fed by watches, read by passes.

Every entry carries its resourceVersion, and an older one never replaces a newer one: a pass puts what it wrote here
at once, and the echo of the watch, which may lag, changes nothing. What went is remembered for a while, because the
watch may also be first: the answer to a write can come in after the news that the object is gone. Nothing here does
I/O.
"""

import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic import ValidationError

from landlord.api.environment import Environment
from landlord.api.refs import Ref
from landlord.core.child import Child, version_of
from landlord.reconcilers.objects import wishes

Body = dict[str, Any]

REMEMBERED: Final = 16384
"""Objects that went are remembered up to this many, the latest ones; answers are late by seconds, not hours."""
_FOR_EVER: Final = sys.maxsize


class World:
    """The caches. One instance; only the event loop's thread touches it."""

    def __init__(self) -> None:
        self.tenants: dict[str, Body] = {}
        self.environments: dict[str, Body] = {}
        self._all: dict[Ref, Child] = {}
        self._children: dict[str, dict[Ref, Child]] = {}
        self._claims: dict[str, set[str]] = {}
        self._claimed: dict[str, set[str]] = {}
        self._parsed: dict[str, tuple[tuple[str, int], Environment | None, str]] = {}
        self._gone: OrderedDict[str, int] = OrderedDict()

    def put_tenant(self, body: Body) -> bool:
        """Keep the body unless a newer one is known; whether it was kept."""
        if not self._put(self.tenants, body):
            return False
        self._claim(body["metadata"]["name"], claims_of(body))
        return True

    def echo_tenant(self, answer: Body) -> None:
        """Keep the answer to an own write, unless it tells of wishes that no event has: that event must wake a pass."""
        if _is_known(self.tenants, answer):
            self.put_tenant(answer)

    def drop_tenant(self, name: str, uid: str) -> bool:
        """Forget a Tenant that is gone, unless one of that name was made anew since; whether it was forgotten."""
        if not self._drop(self.tenants, name, uid):
            return False
        self._claim(name, set())
        return True

    def put_environment(self, body: Body) -> bool:
        """Keep the body unless a newer one is known; whether it was kept."""
        return self._put(self.environments, body)

    def echo_environment(self, answer: Body) -> None:
        """Keep the answer to an own write, as ``echo_tenant`` does."""
        if _is_known(self.environments, answer):
            self.put_environment(answer)

    def drop_environment(self, name: str, uid: str) -> bool:
        """Forget an Environment that is gone, unless one of that name was made anew since; whether it was forgotten."""
        self._parsed.pop(name, None)
        return self._drop(self.environments, name, uid)

    def environment(self, name: str) -> Environment | None:
        """The Environment as a model, parsed once for each generation; None when there is none, or it is invalid."""
        return self._parse(name)[0]

    def environment_fault(self, name: str) -> str:
        """Which field of the Environment is not understood and why; empty when all is well."""
        return self._parse(name)[1]

    def _parse(self, name: str) -> tuple[Environment | None, str]:
        body = self.environments.get(name)
        if body is None:
            return None, ""
        meta = body["metadata"]
        key = (str(meta.get("uid")), int(meta.get("generation", 0)))
        known = self._parsed.get(name)
        if known is None or known[0] != key:
            known = (key, *_environment(body))
            self._parsed[name] = known
        return known[1:]

    def claimants(self, namespace: str) -> set[str]:
        """Tenants that name this namespace, whoever holds it."""
        return set(self._claims.get(namespace, ()))

    def rivals(self, child: Child) -> set[str]:
        """Tenants that claim this namespace and do not have it: what its owner did to it may free it for them."""
        return self.claimants(child.ref.name) - {child.tenant} if child.ref.kind == "Namespace" else set()

    def tenants_in(self, environment: str) -> list[str]:
        """Tenants whose spec names the Environment, in order of name."""
        return sorted(
            name
            for name, body in self.tenants.items()
            if any(entry.get("name") == environment for entry in (body.get("spec") or {}).get("environments") or ())
        )

    def child(self, ref: Ref) -> Child | None:
        """One object by key, whoever's it is."""
        return self._all.get(ref)

    def namespace(self, name: str) -> Child | None:
        """The namespace, if it carries a tenant label."""
        return self._all.get(Ref("Namespace", None, name))

    def children(self, tenant: str) -> dict[Ref, Child]:
        """A tenant's objects by key; do not change it."""
        return self._children.get(tenant, {})

    def all_children(self) -> Iterator[Child]:
        """Every object of every tenant."""
        return iter(self._all.values())

    def upsert(self, child: Child) -> set[str]:
        """Keep ``child`` unless a newer sight is known; the tenants whose pass would come out differently."""
        before = self._all.get(child.ref)
        if (before is not None and before.version > child.version) or self._is_buried(child.uid, child.version):
            return set()
        if before is not None:
            self._forget(before)
            if before.uid != child.uid:
                self._bury(before.uid, child.version)
        if child.tenant:
            self._all[child.ref] = child
            self._children.setdefault(child.tenant, {})[child.ref] = child
        return set() if child.matters_like(before) else self._concerned(child, before)

    def remove(self, child: Child) -> set[str]:
        """Drop an object that is gone, unless it was made anew since; the tenants it concerns."""
        self._bury(child.uid, child.version)
        before = self._all.get(child.ref)
        if before is None or before.uid != child.uid or before.version > child.version:
            return set()
        self._forget(before)
        return self._concerned(child, before)

    def known(self, kind: str = "", tenant: str = "") -> dict[Ref, str]:
        """UIDs by key of all that is known, of one kind or of one tenant: taken before a list is read."""
        known = self.children(tenant).values() if tenant else self._all.values()
        return {child.ref: child.uid for child in known if kind in ("", child.ref.kind)}

    def replace(self, before: dict[Ref, str], listed: Iterable[Child]) -> set[str]:
        """Take a full list that was begun when ``before`` was known; the tenants it concerns.

        What was known then and is not in the list is gone. What came or went while the list was read is left as the
        watch or a pass has told it since.
        """
        seen: set[tuple[Ref, str]] = set()
        concerned: set[str] = set()
        for child in listed:
            seen.add((child.ref, child.uid))
            if child.ref in self._all or before.get(child.ref) != child.uid:
                concerned |= self.upsert(child)
        gone = [self._all[ref] for ref, uid in before.items() if (ref, uid) not in seen and self._is(ref, uid)]
        return concerned.union(*(self.remove(child) for child in gone))

    def _put(self, known: dict[str, Body], body: Body) -> bool:
        meta = body["metadata"]
        before = known.get(meta["name"])
        is_older = before is not None and version_of(before) > version_of(body)
        if is_older or self._is_buried(str(meta.get("uid")), version_of(body)):
            return False
        known[meta["name"]] = body
        return True

    def _drop(self, known: dict[str, Body], name: str, uid: str) -> bool:
        self._bury(uid, _FOR_EVER)
        if name not in known or known[name]["metadata"].get("uid") != uid:
            return False
        del known[name]
        return True

    def _bury(self, uid: str, version: int) -> None:
        """Nothing that was seen of this object up to ``version`` counts any more; labelled anew, it may come back."""
        self._gone[uid] = max(version, self._gone.pop(uid, 0))
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)

    def _is_buried(self, uid: str, version: int) -> bool:
        return uid in self._gone and self._gone[uid] >= version

    def _is(self, ref: Ref, uid: str) -> bool:
        return ref in self._all and self._all[ref].uid == uid

    def _forget(self, child: Child) -> None:
        self._all.pop(child.ref, None)
        mine = self._children.get(child.tenant, {})
        mine.pop(child.ref, None)
        if not mine:
            self._children.pop(child.tenant, None)

    def _concerned(self, child: Child, before: Child | None) -> set[str]:
        owners = {child.tenant, before.tenant if before else ""} - {""}
        return owners | (self.claimants(child.ref.name) if child.ref.kind == "Namespace" else set())

    def _claim(self, tenant: str, wanted: set[str]) -> None:
        for namespace in self._claimed.pop(tenant, set()) - wanted:
            self._claims[namespace].discard(tenant)
            if not self._claims[namespace]:
                del self._claims[namespace]
        if wanted:
            self._claimed[tenant] = wanted
        for namespace in wanted:
            self._claims.setdefault(namespace, set()).add(tenant)


def _environment(body: Body) -> tuple[Environment | None, str]:
    try:
        return Environment.model_validate({"spec": body.get("spec") or {}}), ""
    except ValidationError as error:
        first = error.errors()[0]
        return None, f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"


def _is_known(known: dict[str, Body], answer: Body) -> bool:
    before = known.get(answer["metadata"]["name"])
    return before is not None and wishes(before) == wishes(answer)


def claims_of(body: Body) -> set[str]:
    """The namespaces a Tenant's spec names, by rule or by hand."""
    tenant = body["metadata"]["name"]
    entries = (body.get("spec") or {}).get("environments") or ()
    return {str(entry.get("namespace") or f"{tenant}-{entry.get('name')}") for entry in entries}
