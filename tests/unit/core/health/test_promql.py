"""A tenant's query asks for nothing but series of the tenant's namespace, however it is written."""

import promql_parser as promql
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landlord.api.failures import SpecFault
from landlord.core.health.promql import DEEPEST, LONGEST_QUERY, confine

OURS = '{namespace="t"}'


@pytest.mark.parametrize(
    ("query", "narrowed"),
    [
        ("up", f"up{OURS}"),
        ("1", "1"),
        ("time() - 5", "time() - 5"),
        ('up{job="a"}', 'up{job="a",namespace="t"}'),
        ('{__name__=~".+"}', '{__name__=~".+",namespace="t"}'),
        ('{"up"}', '{__name__="up",namespace="t"}'),
        ("up # {} or other\n", f"up{OURS}"),
        ('up{namespace="t"}', f"up{OURS}"),
        ('up{namespace="t",namespace="t"}', 'up{namespace="t",namespace="t"}'),
        ("up or vector(1)", f"up{OURS} or vector(1)"),
        ("up or down", f"up{OURS} or down{OURS}"),
        ("a unless on (b) c", f"a{OURS} unless on (b) c{OURS}"),
        ("a / ignoring (x) group_left (y) b", f"a{OURS} / ignoring (x) group_left (y) b{OURS}"),
        ("up offset 5m", f"up{OURS} offset 5m"),
        ("up @ end()", f"up{OURS} @ end()"),
        ("-(up)", f"-(up{OURS})"),
        ("absent(up)", f"absent(up{OURS})"),
        ("topk(3, up)", f"topk(3, up{OURS})"),
        ("topk(scalar(a), b)", f"topk(scalar(a{OURS}), b{OURS})"),
        ('count_values("namespace", up)', f'count_values("namespace", up{OURS})'),
        ("rate(up[5m] offset 1m)", f"rate(up{OURS}[5m] offset 1m)"),
        ("max_over_time(rate(up[1m])[10m:30s])", f"max_over_time(rate(up{OURS}[1m])[10m:30s])"),
        ("max_over_time((a or b)[5m:1m])", f"max_over_time((a{OURS} or b{OURS})[5m:1m])"),
        (
            'sum by (le) (rate(x{code=~"5..|\\\\d"}[1m])) > bool 1',
            'sum by (le) (rate(x{code=~"5..|\\\\d",namespace="t"}[1m])) > bool 1',
        ),
        ('label_replace(up, "namespace", "x", "", "")', f'label_replace(up{OURS}, "namespace", "x", "", "")'),
        ('up{a="\\"} or other{b=\\""}', 'up{a="\\"} or other{b=\\"",namespace="t"}'),
        ("up{a='\"} or other{b=\"'}", 'up{a="\\"} or other{b=\\"",namespace="t"}'),
        ('up{a=`"} or other{b="`}', 'up{a="\\"} or other{b=\\"",namespace="t"}'),
        ('up{a="\\\\"}', 'up{a="\\\\",namespace="t"}'),
    ],
)
def test_every_selector_gets_the_namespace(query: str, narrowed: str) -> None:
    assert confine(query, "t") == narrowed


@pytest.mark.parametrize(
    "query",
    [
        'up{namespace="x"}',
        'up{namespace!="t"}',
        'up{namespace!="x"}',
        'up{namespace=~"t"}',
        'up{namespace=~".*"}',
        'up{namespace!~"x"}',
        'up{namespace=""}',
        'up{"namespace"="x"}',
        "up{'namespace'!='t'}",
        'up{namespace="t",namespace="x"}',
        'up or down{namespace="x"}',
        'sum(max_over_time(rate(up{namespace="x"}[1m])[10m:30s]))',
        'up{a="1" or b="2"}',
        'up{a="1" or namespace="x"}',
        'up{namespace="t" or namespace="t"}',
    ],
)
def test_what_asks_for_other_namespaces_is_refused(query: str) -> None:
    with pytest.raises(SpecFault):
        confine(query, "t")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("up{", "is no PromQL"),
        ("", "is no PromQL"),
        ("nonsense(up)", "is no PromQL"),
        ("up[5m]", "must give a number"),
        ("up[5m:1m]", "must give a number"),
        ('"text"', "must give a number"),
        ("info(up)", "may not use info"),
        ("up offset nan", "a number that cannot be"),
        ("max_over_time(up[99999999y])", "is no PromQL"),
        ("up offset 99999999999999y", "is no PromQL"),
        ("up @ 1e400", "is no PromQL"),
        ('up{a="\\n"}', "control characters"),
        ('label_replace(up, "a", "\\x00", "b", "c")', "control characters"),
        ('up{"a b"="c"}', "names the label"),
        ('sum by ("a) or up{b=") (up)', "names the label"),
        ('a + on ("b c") d', "names the label"),
        ("rate(up[2d])", "looks back further"),
        ("max_over_time(up[1d:1s])", "steps"),
        ("max_over_time(max_over_time(up[5m:1s])[5m:1s])", "steps"),
        ("up" + " or up" * (DEEPEST + 1), "deep"),
        ("(" * (DEEPEST + 1) + "up" + ")" * (DEEPEST + 1), "deep"),
        ("-" * 2000 + "up", "deep"),
        ("u" * (LONGEST_QUERY + 1), "longer"),
    ],
)
def test_what_cannot_be_carried_out_safely_is_refused_and_says_why(query: str, why: str) -> None:
    with pytest.raises(SpecFault, match=why):
        confine(query, "t")


def test_the_label_may_have_another_name() -> None:
    assert confine("up", "t", label="exported_namespace") == 'up{exported_namespace="t"}'


# Words that queries, and attempts to break out of them, are made of.
_NAMES = (
    "up",
    "x:y",
    "sum",
    "rate",
    "or",
    "and",
    "by",
    "on",
    "offset 5m",
    "@ 1",
    "namespace",
    "a",
    "t",
    "info",
    "bool",
)
_PIECES = ('="', '!="x"', '=~".*"', "[5m]", "[5m:1m]", "1", "5m", '"namespace"')
_WORDS = st.sampled_from((*_NAMES, *_PIECES, *"(){}[],=!~\"'`\\:-+*/^<>#\n é"))


@settings(max_examples=1500, deadline=None)
@given(st.lists(_WORDS, max_size=24).map("".join))
def test_no_text_gets_through_with_a_selector_that_is_not_held_to_the_namespace(text: str) -> None:
    try:
        narrowed = confine(text, "t")
    except SpecFault:
        return
    assert all('namespace="t"' in selector for selector in selectors(promql.parse(narrowed)))
    assert confine(narrowed, "t") == narrowed


_STRINGS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)


@settings(max_examples=500, deadline=None)
@given(_STRINGS)
def test_no_string_breaks_out_of_its_quotes(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    try:
        narrowed = promql.parse(confine(f'up{{a="{quoted}"}}', "t"))
    except SpecFault:
        assert not text.isprintable()
        return
    assert isinstance(narrowed, promql.VectorSelector)
    assert {(each.name, each.value) for each in narrowed.matchers.matchers} == {("a", text), ("namespace", "t")}


def selectors(query: promql.Expr) -> list[str]:
    """The matchers of each selector, as the library itself walks the query."""
    found = []

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            found.append(str(node.matchers))

    promql.walk(query, pre_visit=visit)
    return found
