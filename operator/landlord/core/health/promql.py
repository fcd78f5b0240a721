"""A tenant's PromQL, narrowed to the tenant's own namespace."""


def confine(query: str, namespace: str, *, label: str = "namespace") -> str:
    """The query with ``namespace="..."`` in every selector; ``SpecFault`` for what cannot be narrowed safely."""
    raise NotImplementedError
