"""ServiceAccounts for workloads, and the deployer that is a name only."""

from landlord.api.names import deployer_username
from landlord.api.refs import Ref
from landlord.core.tenant import accounts
from tests.unit.core import building


def test_tokens_are_mounted_only_where_asked_for() -> None:
    said = {"serviceAccounts": [{"name": "web"}, {"name": "jobs", "automountToken": True}]}
    built = accounts.plan(building.place(said))
    assert {wanted.ref: wanted.manifest["automountServiceAccountToken"] for wanted in built} == {
        Ref("ServiceAccount", "shop-dev", "web"): False,
        Ref("ServiceAccount", "shop-dev", "jobs"): True,
    }


def test_there_are_no_accounts_unless_said() -> None:
    assert accounts.plan(building.place()) == ()


def test_the_deployer_is_bound_to_its_own_role_first_and_to_those_the_platform_adds() -> None:
    built = accounts.deployer(building.place({"deployer": {"clusterRoles": ["view", "extra"]}}))
    assert [wanted.ref.name for wanted in built] == [
        "landlord-deployer",
        "landlord-deployer.extra",
        "landlord-deployer.view",
    ]
    assert [wanted.manifest["roleRef"]["name"] for wanted in built] == ["landlord-deployer", "extra", "view"]


def test_the_deployer_of_a_namespace_is_a_name_in_the_deployers_namespace() -> None:
    subject = accounts.deployer(building.place())[0].manifest["subjects"][0]
    assert subject == {"kind": "ServiceAccount", "name": "shop-dev", "namespace": "landlord-deployers"}
    assert deployer_username("shop-dev") == "system:serviceaccount:landlord-deployers:shop-dev"


def test_a_role_that_is_said_although_the_deployer_has_it_is_bound_once() -> None:
    built = accounts.deployer(building.place({"deployer": {"clusterRoles": ["landlord-deployer"]}}))
    assert [wanted.ref.name for wanted in built] == ["landlord-deployer"]
