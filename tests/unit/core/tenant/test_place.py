"""One tenant in one environment."""

from tests.unit.core.building import place


def test_every_object_of_a_place_carries_owner_tenant_and_environment() -> None:
    assert place(name="staging").labels == {
        "app.kubernetes.io/managed-by": "landlord",
        "landlord.dev/tenant": "shop",
        "landlord.dev/environment": "staging",
    }


def test_a_place_is_named_after_tenant_and_environment_unless_the_namespace_is_given() -> None:
    assert place(name="staging").namespace == "shop-staging"
    assert place({"namespace": "storefront"}, name="staging").namespace == "storefront"
