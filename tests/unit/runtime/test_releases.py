"""Which Helm is good enough: one that does not know our flags would reject innocent releases."""

import pytest

from landlord.api.failures import Refused
from landlord.runtime.releases import check_version


@pytest.mark.parametrize("version", ["v4.2.4", "v4.3.1", "4.3.1", "v4.10.0", "v5.0.0-rc.1", "v4.3.1+g1b2c3d"])
def test_a_helm_that_knows_our_flags_is_taken(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize("version", ["v4.2.3", "v4.1.0", "v3.19.0", "v4.2", "", "not a version"])
def test_any_other_is_refused_at_the_start(version: str) -> None:
    with pytest.raises(Refused, match=r"install Helm 4\.2\.4 or later"):
        check_version(version)
