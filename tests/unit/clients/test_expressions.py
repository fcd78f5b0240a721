"""Expressions of tenants have an answer soon, or none; whatever they do, everybody else goes on."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from landlord.clients.expressions import MEMORY, ExpressionFailed, Expressions
from tests.polling import eventually

TEN = "[1,2,3,4,5,6,7,8,9,10]"
BOMB = "".join(f"{TEN}.all({name}, " for name in "abcdefghi") + "true" + ")" * 9
"""A billion steps."""
HOG = "".join(f"{TEN}.map({name}, " for name in "abcdefghi") + f"'{'x' * 100}'" + ")" * 9 + " == []"
"""Gigabytes of strings."""
OBJECT = {"status": {"conditions": [{"type": "Ready", "status": "True"}], "ratio": 0.5, "replicas": 3}}


@pytest.fixture
async def expressions() -> AsyncIterator[Expressions]:
    async with Expressions(seconds=5) as workers:
        yield workers


def workers_of(pid: int | None = None) -> list[psutil.Process]:
    """The living workers of a process, by default of this one."""
    children = psutil.Process(pid or os.getpid()).children()
    return [each for each in children if any("expression_worker" in word for word in each.cmdline())]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", True),
        ("has(object.status.missing)", False),
        ("object.status.missing == 1 || true", True),
        ("object.status.ratio < 1 && object.status.replicas > 2.5", True),
        ("size(object.status.conditions) in [2, 3]", False),
        ("timestamp('2026-01-01T00:00:00Z') - duration('1h') < timestamp('2026-01-01T00:00:00Z')", True),
    ],
)
async def test_cel_about_an_object_is_true_or_false(expression: str, value: bool, expressions: Expressions) -> None:
    await expressions.compile_check(expression)
    assert await expressions.evaluate(expression, {"object": OBJECT}) is value


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("object.status.missing == 1", "no field 'missing'"),
        ("object.status.replicas", "must be true or false"),
        ("object.status.replicas / 0 == 1", "division by zero"),
        ("9223372036854775807 + object.status.replicas > 0", "overflow"),
        ("other == 1", "Undefined"),
        ("object.status.conditions[7].x == 1", "[Ii]ndex"),
        ("1 +", "parse"),
    ],
)
async def test_an_expression_without_an_answer_says_why(expression: str, why: str, expressions: Expressions) -> None:
    with pytest.raises(ExpressionFailed, match=why):
        await expressions.evaluate(expression, {"object": OBJECT})
    assert await expressions.evaluate("true", {})


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("object.x == ", "parse"),
        ("frobnicate(object)", "no function frobnicate"),
        ("object.x.frobnicate()", "no function frobnicate"),
        ("objekt.x == 1", "no variable objekt; there is object"),
        ("object.x.all(y, z == 1)", "no variable z"),
        ("(" * 1000 + "true" + ")" * 1000, "parse"),
    ],
)
async def test_faults_are_found_without_an_object(expression: str, why: str, expressions: Expressions) -> None:
    with pytest.raises(ExpressionFailed, match=why):
        await expressions.compile_check(expression)


@pytest.mark.parametrize(
    ("regex", "text", "found"),
    [("a+b", "xaabx", True), ("^b", "ab", False), ("(?i)OK", "ok", True), ("é", "café", True), ("", "", True)],
)
async def test_a_pattern_is_found_anywhere_in_a_text(
    regex: str, text: str, found: bool, expressions: Expressions
) -> None:
    assert await expressions.matches(regex, text) is found


@pytest.mark.parametrize("regex", ["(a", "a{2,1}", "((a{100}){100}){100}"])
async def test_a_pattern_that_is_none_or_too_large_says_so(regex: str, expressions: Expressions) -> None:
    with pytest.raises(ExpressionFailed, match="not a valid regex"):
        await expressions.matches(regex, "a")


@pytest.mark.parametrize("regex", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
async def test_patterns_that_take_others_for_ever_end_soon(regex: str, expressions: Expressions) -> None:
    started = asyncio.get_running_loop().time()
    assert await expressions.matches(regex, "a" * 65_535 + "!") is False
    assert asyncio.get_running_loop().time() - started < 4


@pytest.mark.parametrize("bomb", [BOMB, HOG])
async def test_a_bomb_is_stopped_in_time_while_everybody_else_goes_on(bomb: str) -> None:
    async with Expressions(seconds=1) as expressions:
        loop = asyncio.get_running_loop()
        await expressions.evaluate("true", {})
        ticks = [loop.time()]
        answers = 0
        bombing = asyncio.create_task(expressions.evaluate(bomb, {}, owner="evil"))
        while not bombing.done():
            answers += await expressions.evaluate("object.x == 1", {"object": {"x": 1}})
            ticks.append(loop.time())
        with pytest.raises(ExpressionFailed, match="was stopped"):
            await bombing
        assert ticks[-1] - ticks[0] < 8
        assert answers > 3
        assert max(after - before for before, after in pairwise(ticks)) < 1


async def test_a_bomb_is_not_tried_again_for_a_while_and_then_is() -> None:
    async with Expressions(workers=1, seconds=0.3, pause=1.5) as expressions:
        with pytest.raises(ExpressionFailed, match="was stopped"):
            await expressions.evaluate(BOMB, {})
        with pytest.raises(ExpressionFailed, match="not tried again yet"):
            await expressions.evaluate(BOMB, {})
        assert await expressions.evaluate("true", {})

        async def tried_again() -> bool:
            with pytest.raises(ExpressionFailed) as failed:
                await expressions.evaluate(BOMB, {})
            return "it took longer" in failed.value.why

        await eventually(tried_again, deadline=10)


async def test_when_all_workers_are_busy_nobody_waits_for_ever() -> None:
    async with Expressions(workers=1, seconds=2, patience=0.2) as expressions:
        bombing = asyncio.create_task(expressions.evaluate(BOMB, {}))
        await eventually(workers_of, deadline=10)
        with pytest.raises(ExpressionFailed, match="busy"):
            await expressions.evaluate("true", {})
        with pytest.raises(ExpressionFailed, match="was stopped"):
            await bombing


async def test_workers_start_when_first_needed_and_no_more_than_needed() -> None:
    async with Expressions(workers=2) as expressions:
        assert workers_of() == []
        for _ in range(3):
            await expressions.evaluate("true", {})
        assert len(workers_of()) == 1
    assert workers_of() == []


async def test_a_worker_that_was_killed_is_replaced_and_nobody_notices(expressions: Expressions) -> None:
    await expressions.evaluate("true", {})
    (worker,) = workers_of()
    worker.kill()
    worker.wait(10)
    assert await expressions.evaluate("1 == 1", {})
    assert workers_of()[0].pid != worker.pid


async def test_a_bomb_is_found_out_though_nobody_waits_for_its_end() -> None:
    async with Expressions(workers=1, seconds=0.5) as expressions:
        await expressions.evaluate("true", {})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(expressions.evaluate(BOMB, {}), 0.05)
        assert await expressions.evaluate("false", {}) is False
        with pytest.raises(ExpressionFailed, match="not tried again yet"):
            await expressions.evaluate(BOMB, {})


async def test_who_takes_much_time_waits_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landlord.clients.expressions._BURST", 0.01)
    monkeypatch.setattr("landlord.clients.expressions._SHARE", 0.0)
    slow = "".join(f"{TEN}.all({name}, " for name in "abcde") + "true" + ")" * 5
    async with Expressions(workers=1, seconds=30) as expressions:
        assert await expressions.evaluate(slow, {}, owner="greedy")
        with pytest.raises(ExpressionFailed, match="took too much time"):
            await expressions.evaluate("true", {}, owner="greedy")
        assert await expressions.evaluate("true", {}, owner="modest")


async def test_an_object_as_large_as_can_be_has_room(expressions: Expressions) -> None:
    large = {"items": [{"name": f"item-{number}", "value": "x"} for number in range(45_000)]}
    assert await expressions.evaluate("object.items.exists(each, each.name == 'item-44999')", {"object": large})


async def test_what_is_too_large_is_not_sent(expressions: Expressions) -> None:
    with pytest.raises(ExpressionFailed, match="larger than 2 MiB"):
        await expressions.evaluate("true", {"object": "x" * 2_500_000})


async def test_a_worker_has_no_environment_and_may_write_no_file(
    expressions: Expressions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDLORD_SECRET", "hidden")
    await expressions.evaluate("true", {})
    (worker,) = workers_of()
    assert "LANDLORD_SECRET" not in worker.environ()
    limits = Path(f"/proc/{worker.pid}/limits").read_text("ascii")
    bounds = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()[1:]}
    assert bounds["Max file size"] == ["0", "0"]
    assert bounds["Max core file size"] == ["0", "0"]
    assert bounds["Max address space"] == [str(MEMORY)] * 2
    assert bounds["Max cpu time"][0].isdigit()
    assert Path(f"/proc/{worker.pid}/oom_score_adj").read_text("ascii").strip() == "1000"


async def test_workers_die_with_their_parent_even_in_the_middle_of_a_bomb(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(
        textwrap.dedent(f"""
        import asyncio
        from landlord.clients.expressions import Expressions

        async def main():
            expressions = Expressions(seconds=100)
            await expressions.evaluate("true", {{}})
            print("bombing", flush=True)
            await expressions.evaluate({BOMB!r}, {{}})

        asyncio.run(main())
        """)
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"bombing\n"
        (worker,) = workers_of(parent.pid)
        parent.send_signal(signal.SIGKILL)
    await eventually(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, deadline=5)


async def test_answers_are_not_mixed_up_between_callers(expressions: Expressions) -> None:
    async def is_own(number: int) -> bool:
        data: dict[str, Any] = {"object": {"n": number}}
        return await expressions.evaluate(f"object.n == {number}", data) and not await expressions.evaluate(
            f"object.n != {number}", data
        )

    assert all(await asyncio.gather(*(is_own(number) for number in range(200))))
