"""Where charts may come from: entries of a policy against URLs as people and attackers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.core.release.sources import chart_permitted, permitted

TEAM = "oci://registry.example.org/team"
ALL_OF_TEAM = f"{TEAM}/*"
STABLE = "https://charts.example.org/stable"


@pytest.mark.parametrize("url", [TEAM, STABLE, "oci://registry.example.org", f"{TEAM}/deeper"])
def test_no_list_restricts_nothing(url: str) -> None:
    assert permitted(url, None)


@pytest.mark.parametrize("url", [TEAM, STABLE])
def test_an_empty_list_allows_nothing(url: str) -> None:
    assert not permitted(url, ())


@pytest.mark.parametrize(
    "url",
    [
        TEAM,
        f"{TEAM}/",
        "oci://REGISTRY.example.org/team",
        "OCI://registry.example.org/team",
        "oci://registry.example.org:443/team",
        "oci://registry.example.org./team",
    ],
)
def test_an_entry_allows_its_repository_however_it_is_written(url: str) -> None:
    assert permitted(url, (STABLE, TEAM))


@pytest.mark.parametrize("url", [f"{TEAM}/deeper", "oci://registry.example.org", "oci://registry.example.org/team2"])
def test_an_entry_without_a_star_allows_nothing_else(url: str) -> None:
    assert not permitted(url, (TEAM,))


@pytest.mark.parametrize("url", [TEAM, f"{TEAM}/web", f"{TEAM}/web/deeper/"])
def test_a_star_allows_the_repository_and_all_below(url: str) -> None:
    assert permitted(url, (ALL_OF_TEAM,))


def test_a_star_at_the_root_allows_the_host_and_no_other() -> None:
    assert permitted("oci://registry.example.org/any/where", ("oci://registry.example.org/*",))
    assert not permitted("oci://other.example.org/any", ("oci://registry.example.org/*",))


@pytest.mark.parametrize(
    "url",
    [
        "oci://registry.example.org.evil.test/team/web",
        "oci://registry.example.org@evil.test/team/web",
        "oci://user:word@registry.example.org/team/web",
        "oci://evil.test/registry.example.org/team/web",
        "oci://evil.test#registry.example.org/team/web",
        "oci://evil.test?x=oci://registry.example.org/team/web",
        "oci://evil.test\\@registry.example.org/team/web",
        "oci://registry.example.org:5000/team/web",
        "https://registry.example.org/team/web",
        "oci://registry.example.org/team/../other",
        "oci://registry.example.org/team/./web",
        "oci://registry.example.org/team//web",
        "oci://registry.example.org/team/%2e%2e/other",
        "oci://registry.example.org/team%2fweb",
        "oci://registry.example.org/team/%252e%252e/other",
        "oci://registry.example.org/team/web\r\nHost: evil.test",
        "oci://registry.example.org/team/web x",
        "oci://registry.example.org/teams/web",
        "oci://registry.example.org/Team/web",
        "oci://régistry.example.org/team/web",
        "oci:registry.example.org/team/web",
        "file:///team/web",
        "",
    ],
)
def test_what_only_looks_like_the_entry_is_refused(url: str) -> None:
    assert not permitted(url, (ALL_OF_TEAM,))


@pytest.mark.parametrize(
    "url", ["https://user@charts.example.org/", "https://charts.example.org/../x", "ftp://charts.example.org/x"]
)
def test_what_cannot_be_parsed_without_doubt_is_refused_even_without_a_list(url: str) -> None:
    assert not permitted(url, None)


def test_a_package_url_with_a_query_and_an_escaped_plus_is_judged_by_its_place() -> None:
    url = "https://files.example.org/charts/web-1.0.0%2Bbuild.tgz?token=abc"
    assert permitted(url, ("https://files.example.org/charts/*",))
    assert not permitted(url, ("https://files.example.org/other/*",))


@pytest.mark.parametrize("entry", [TEAM, ALL_OF_TEAM, f"{TEAM}/web", f"{TEAM}/web/*", "oci://registry.example.org/*"])
def test_an_entry_may_name_the_repository_or_the_one_chart(entry: str) -> None:
    assert chart_permitted(TEAM, "web", (entry,))
    assert chart_permitted(f"{TEAM}/", "web", (entry,))


@pytest.mark.parametrize("entry", [f"{TEAM}/db", f"{TEAM}/we", f"{TEAM}/web/deeper", "oci://registry.example.org"])
def test_an_entry_for_another_chart_or_place_opens_nothing(entry: str) -> None:
    assert not chart_permitted(TEAM, "web", (entry,))
    assert not chart_permitted(TEAM, "..", (entry,))


def test_without_a_list_every_chart_is_permitted() -> None:
    assert chart_permitted(TEAM, "web", None)


@given(st.text(max_size=60))
def test_no_text_makes_it_stumble_and_none_passes_by_accident(text: str) -> None:
    assert not permitted(text, (ALL_OF_TEAM,)) or text.lower().startswith("oci://registry.example.org")


@given(st.text(alphabet="abc/.%2eEfF@:#?\\", max_size=30))
def test_no_suffix_leaves_the_folder(suffix: str) -> None:
    if permitted(TEAM + suffix, (ALL_OF_TEAM,)):
        path = (TEAM + suffix).partition("?")[0]
        assert ".." not in path.split("/")
        assert path == TEAM or path.startswith(f"{TEAM}/")
