"""Identities: what makes a candidate, an attempt and a wish another one, and what does not."""

from landlord.core.release.identity import attempt_key, candidate, desired, short

CHART = "sha256:" + "a" * 64
SHARED = {"values": {"replicas": 2}, "image": {"tag": "1"}}


def test_a_candidate_is_its_chart_its_images_and_its_shared_inputs() -> None:
    base = candidate(CHART, ["web:1", "db:2"], SHARED)
    assert base == candidate(CHART, ["db:2", "web:1", "web:1"], {"image": {"tag": "1"}, "values": {"replicas": 2}})
    others = {
        candidate(CHART + "b", ["web:1", "db:2"], SHARED),
        candidate(CHART, ["web:2", "db:2"], SHARED),
        candidate(CHART, ["web:1"], SHARED),
        candidate(CHART, ["web:1", "db:2"], {**SHARED, "values": {"replicas": 3}}),
    }
    assert len(others | {base}) == 5


def test_an_attempt_is_a_candidate_with_its_values_health_and_wish_to_retry() -> None:
    base = attempt_key("c", "v", {"bake": "2m"})
    assert base == attempt_key("c", "v", {"bake": "2m"}, "")
    others = {
        attempt_key("d", "v", {"bake": "2m"}),
        attempt_key("c", "w", {"bake": "2m"}),
        attempt_key("c", "v", {"bake": "3m"}),
        attempt_key("c", "v", {"bake": "2m"}, "2026-01-01T00:00:00Z"),
    }
    assert len(others | {base}) == 5


def test_parts_cannot_slide_into_each_other() -> None:
    assert desired("ab", "c", "d") != desired("a", "bc", "d")
    assert attempt_key("a", "b", None) != desired("a", "b", "")


def test_a_short_digest_fits_into_a_label() -> None:
    digest = desired(CHART, "v", "web")
    assert len(short(digest)) == 32
    assert digest == f"sha256:{digest[7:]}"
    assert digest[7:].startswith(short(digest))
