"""A tenant's PromQL, narrowed to the tenant's own namespace.

The query is parsed, never searched and replaced. Every selector gets a matcher, and the result is parsed once more to
see that each has it. What the parser knows and Prometheus does not, or the other way round, is refused.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from math import ceil, prod
from typing import Final

import promql_parser as promql

from landlord.api.failures import SpecFault

LONGEST_QUERY: Final = 2048
# Rewriting takes the parser's library a time that grows with the third power of the depth: 5 ms at 50, 20 s at 600.
DEEPEST: Final = 40
LONGEST_RANGE: Final = timedelta(days=1)
MOST_STEPS: Final = 1000
_DEFAULT_STEP: Final = timedelta(seconds=15)
# It joins with series that its argument does not select.
_REACHES_FURTHER: Final = frozenset({"info"})
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def confine(query: str, namespace: str, *, label: str = "namespace") -> str:
    """The query with ``namespace="..."`` in every selector; ``SpecFault`` for what cannot be narrowed safely."""
    if len(query) > LONGEST_QUERY:
        raise _fault(f"is longer than {LONGEST_QUERY} characters")
    try:
        return _confined(query, namespace, label)
    except (ValueError, OverflowError) as error:
        raise _fault(f"is no PromQL: {str(error)[:200]}") from error
    except BaseException as error:
        # The library ends in a panic over numbers that its language has no place for; to Python that is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise _fault("is no PromQL: it holds a number that cannot be") from error


def _confined(query: str, namespace: str, label: str) -> str:
    tree = promql.parse(query)
    if isinstance(tree, promql.MatrixSelector | promql.SubqueryExpr | promql.StringLiteral):
        raise _fault("must give a number or one number for each series, not a range or text")
    nodes = list(_nodes(tree))
    for node in nodes:
        _check(node, namespace, label)
    narrowed: promql.Expr = promql.transform(tree, post_visit=lambda node: _narrowed(node, namespace, label))
    text = narrowed.prettify()
    _prove(text, namespace, label, selectors=len(_selectors(nodes)))
    return text


def _nodes(node: promql.Expr, depth: int = 0) -> Iterator[promql.Expr]:
    """Every part of a query, outermost first; far nested queries are refused."""
    if depth > DEEPEST:
        raise _fault(f"is nested, or chained by operators, more than {DEEPEST} deep")
    yield node
    for part in _parts(node):
        yield from _nodes(part, depth + 1)


def _parts(node: promql.Expr) -> tuple[promql.Expr, ...]:
    match node:
        case promql.BinaryExpr():
            return (node.lhs, node.rhs)
        case promql.AggregateExpr():
            return (node.expr,) if node.param is None else (node.param, node.expr)
        case promql.Call():
            return tuple(node.args)
        case promql.MatrixSelector():
            return (node.vector_selector,)
        case promql.UnaryExpr() | promql.ParenExpr() | promql.SubqueryExpr():
            return (node.expr,)
        case promql.VectorSelector() | promql.NumberLiteral() | promql.StringLiteral():
            return ()
    raise _fault(f"holds a part that is not understood ({type(node).__name__})")


def _check(node: promql.Expr, namespace: str, label: str) -> None:
    match node:
        case promql.VectorSelector():
            _check_selector(node, namespace, label)
        case promql.StringLiteral():
            _check_text(node.val)
        case promql.Call() if node.func.name in _REACHES_FURTHER:
            raise _fault(f"may not use {node.func.name}(): it reads series of other namespaces")
        case promql.AggregateExpr():
            _check_labels(node.modifier.labels if node.modifier else ())
        case promql.BinaryExpr() if node.modifier:
            matching = node.modifier.matching
            _check_labels([*(matching.labels if matching else ()), *(node.modifier.group_labels or ())])
        case promql.MatrixSelector() | promql.SubqueryExpr():
            _check_range(node)


def _check_selector(selector: promql.VectorSelector, namespace: str, label: str) -> None:
    if selector.matchers.or_matchers:
        raise _fault("may not use `or` between matchers")
    if selector.name and not _METRIC.fullmatch(selector.name):
        raise _fault(f"names the metric {selector.name!r}; only letters, digits, _ and : are taken")
    for matcher in selector.matchers.matchers:
        _check_labels([matcher.name])
        _check_text(matcher.value)
        if matcher.name == label and not _is_ours(matcher, namespace):
            raise _fault(f'may only ask for {label}="{namespace}"; leave {matcher} out, it is added')


def _check_labels(labels: list[str] | tuple[str, ...]) -> None:
    for name in labels:
        if not _LABEL.fullmatch(name):
            raise _fault(f"names the label {name!r}; only letters, digits and _ are taken")


def _check_text(text: str) -> None:
    """Control characters are what two parsers are likeliest to read differently."""
    if not text.isprintable():
        raise _fault("holds control characters in a string")


def _check_range(node: promql.MatrixSelector | promql.SubqueryExpr) -> None:
    if (node.range or timedelta()) > LONGEST_RANGE:
        raise _fault(f"looks back further than {LONGEST_RANGE.days} day")
    subqueries = [each for each in _nodes(node) if isinstance(each, promql.SubqueryExpr)]
    steps = prod(ceil((each.range or timedelta()) / (each.step or _DEFAULT_STEP)) for each in subqueries)
    if steps > MOST_STEPS:
        raise _fault(f"has subqueries of {steps} steps; {MOST_STEPS} are the most")


def _is_ours(matcher: promql.Matcher, namespace: str) -> bool:
    return matcher.op == promql.MatchOp.Equal and matcher.value == namespace


def _narrowed(node: promql.Expr, namespace: str, label: str) -> promql.Expr | None:
    """The selector with one matcher more, read from its own spelling: the library changes trees only so."""
    selector = node.vector_selector if isinstance(node, promql.MatrixSelector) else node
    if not isinstance(selector, promql.VectorSelector):
        return None
    if any(matcher.name == label for matcher in selector.matchers.matchers):
        return None
    text, matcher = node.prettify(), f'{label}="{namespace}"'
    # Offset, range and @ follow the braces and have none of their own.
    head, brace, tail = text.rpartition("}")
    if brace:
        return promql.parse(f"{head}, {matcher}}}{tail}")
    name = selector.name or ""
    return promql.parse(f"{name}{{{matcher}}}{text.removeprefix(name)}")


def _prove(text: str, namespace: str, label: str, *, selectors: int) -> None:
    """Read what was written: as many selectors as before, and each held to the namespace."""
    found = _selectors(_nodes(promql.parse(text)))
    held = [
        [matcher for matcher in selector.matchers.matchers if matcher.name == label and _is_ours(matcher, namespace)]
        for selector in found
        if not selector.matchers.or_matchers
    ]
    if len(held) != selectors or not all(held):
        raise _fault("cannot be narrowed to the namespace; write it in a simpler way")


def _selectors(nodes: Iterator[promql.Expr] | list[promql.Expr]) -> list[promql.VectorSelector]:
    return [node for node in nodes if isinstance(node, promql.VectorSelector)]


def _fault(why: str) -> SpecFault:
    return SpecFault("spec.healthChecks[].promql.query", f"The query {why}.")
