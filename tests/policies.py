"""Fixtures for tests of rights and admission policies: who is there, and tenant namespaces to attack."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from tests import tenancy as tenancies
from tests.actors import Actor
from tests.tenancy import People, Tenancy

Settle = Callable[..., Tenancy]


@pytest.fixture(scope="session")
def people(landlord_installed: Actor) -> People:
    """Admin, break-glass and operator of a cluster in which Landlord's manifests are installed."""
    return People.around(landlord_installed)


@pytest.fixture(scope="module")
def settle(people: People) -> Iterator[Settle]:
    """Makes tenant namespaces with labels and annotations of the test's choice; they are deleted after the module."""
    made: list[Tenancy] = []

    def _settle(labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None) -> Tenancy:
        made.append(tenancies.settle(people, labels=labels, annotations=annotations))
        return made[-1]

    yield _settle
    for one in made:
        people.break_glass.delete(tenancies.namespace(one.namespace))


@pytest.fixture(scope="module")
def tenancy(settle: Settle) -> Tenancy:
    """A tenant namespace without restrictions, shared by the tests of a module."""
    return settle()
