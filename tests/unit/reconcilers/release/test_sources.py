"""A release hears of the ConfigMaps it names, and of no others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from landlord.api.refs import CONFIG_MAPS, Ref, Resource
from landlord.reconcilers.release.sources import KIND, Sources, watcher_of
from tests.unit.reconcilers.release.cases import REF, case

HOLDER = Ref(KIND, REF.namespace, REF.name)
NAMES = {"valuesFrom": [{"kind": "ConfigMap", "name": "web"}, {"kind": "Secret", "name": "words"}]}


@dataclass
class Sight:
    """What is held, and what is seen."""

    seen: dict[str, dict[str, Any]] | None = None
    held: dict[Ref, Sequence[Resource]] = field(default_factory=dict)

    def hold(self, ref: Ref, namespace: str, resources: Sequence[Resource]) -> None:
        self.held[ref] = resources

    def release(self, ref: Ref) -> None:
        self.held.pop(ref, None)

    def objects(self, namespace: str, resource: Resource) -> Mapping[str, Any] | None:
        return self.seen


def test_config_maps_are_held_for_as_long_as_the_spec_names_any() -> None:
    sight = Sight()
    sources = Sources(sight)
    sources.keep_in_sight(case(**NAMES))
    assert sight.held == {HOLDER: [CONFIG_MAPS]}
    assert watcher_of(HOLDER) == REF
    sources.keep_in_sight(case())
    assert sight.held == {}


def test_variables_count_as_values_do() -> None:
    sight = Sight()
    Sources(sight).keep_in_sight(case(substitute={"sources": [{"kind": "ConfigMap", "name": "zone"}]}))
    assert HOLDER in sight.held


def test_a_change_of_what_is_named_is_news_and_any_other_is_not() -> None:
    sight = Sight({"web": {"data": {"a": "1"}}, "other": {"data": {"tick": "1"}}})
    sources = Sources(sight)
    sources.keep_in_sight(case(**NAMES))
    assert sources.is_news(HOLDER), "the first sight"
    assert sight.seen is not None
    sight.seen["other"] = {"data": {"tick": "2"}}
    sight.seen["web"]["metadata"] = {"annotations": {"touched": "yes"}}
    assert not sources.is_news(HOLDER)
    sight.seen["web"] = {"data": {"a": "2"}}
    assert sources.is_news(HOLDER)
    del sight.seen["web"]
    assert sources.is_news(HOLDER)
    assert not sources.is_news(HOLDER)


def test_what_cannot_be_compared_is_news() -> None:
    sources = Sources(Sight())
    sources.keep_in_sight(case(**NAMES))
    assert sources.is_news(HOLDER)
    assert sources.is_news(Ref("AppRelease", "shop-dev", "web")), "an attempt in flight hears of all it watches"
