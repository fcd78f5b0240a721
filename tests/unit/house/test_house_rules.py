"""Rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
LONGEST_FUNCTION = 50
SOURCES = ("operator", "sandbox", "generators", "demo")
# Put together here, so that this file does not break its own rule.
ADDRESSES = [
    ".".join(parts)
    for parts in (
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
    )
]
MACHINE_PATHS = re.compile(r"(?<![\w./$}-])/" + r"(work|root|home/(?!you/)\w+|Users/\w+)/")


def committed() -> Iterator[Path]:
    """Every text file that git keeps."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("This is no git checkout.")
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if name and path.is_file() and b"\0" not in path.read_bytes()[:8000]:
            yield path


def sources() -> Iterator[Path]:
    """Every Python file that is not a test."""
    for folder in SOURCES:
        yield from (ROOT / folder).rglob("*.py")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions of a module, methods and inner ones too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_the_source_root_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator/__init__.py").exists()
    told = subprocess.run(
        [sys.executable, "-c", "import operator; print(operator.__file__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not told.stdout.startswith(str(ROOT))


def test_no_function_is_longer_than_fifty_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines"
        for path in sources()
        for node in functions(path)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert not long, "\n".join(long)


def test_every_decision_has_a_test_file_of_its_own() -> None:
    core = ROOT / "operator/landlord/core"
    missing = [
        str(mirror.relative_to(ROOT))
        for path in sorted(core.rglob("*.py"))
        if path.name != "__init__.py"
        and not (mirror := ROOT / "tests/unit/core" / path.relative_to(core).with_name(f"test_{path.name}")).exists()
    ]
    assert not missing, "\n".join(missing)


def test_no_committed_file_names_a_package_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {address}"
        for path in committed()
        for address in ADDRESSES
        if address in path.read_text("utf-8", errors="replace")
    ]
    assert not found, "\n".join(found)


def test_no_committed_file_names_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in committed()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if MACHINE_PATHS.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_carry_hashes_and_no_address(path: Path) -> None:
    text = path.read_text("utf-8")
    pins = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)[1:]
    assert "://" not in text
    assert "index" not in text.splitlines()[0]
    assert not re.search(r"^\s*-(-index-url|-extra-index-url|-find-links|i |f )", text, re.MULTILINE)
    assert pins
    assert [pin.splitlines()[0] for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


def test_requirements_hold_every_package_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [package for group in project["optional-dependencies"].values() for package in group]
    assert unpinned(project["dependencies"], "runtime.txt") == []
    assert unpinned([*project["dependencies"], *extras], "dev.txt") == []


def unpinned(packages: list[str], file: str) -> list[str]:
    """The packages that a requirements file lacks."""
    pinned = set(re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==", (ROOT / "requirements" / file).read_text(), re.MULTILINE))
    names = [re.split(r"[<>=!~\[; ]", package)[0].lower().replace("_", "-") for package in packages]
    return [name for name in names if name not in pinned]


def test_runtime_and_development_pin_the_same_versions() -> None:
    runtime, dev = (dict(pins(file)) for file in ("runtime.txt", "dev.txt"))
    assert {name: version for name, version in runtime.items() if dev.get(name) != version} == {}


def pins(file: str) -> list[tuple[str, str]]:
    """Name and version of every pin."""
    return re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / "requirements" / file).read_text("utf-8"), re.MULTILINE)


def test_every_make_target_says_what_it_is_for() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    told = re.findall(r"^([a-z0-9-]+):.*## .+$", makefile, re.MULTILINE)
    assert sorted(set(phony.group(1).split()) - set(told)) == []


@pytest.mark.parametrize(
    "target", ["setup", "demo", "test", "integration", "e2e", "bench", "faults", "generate", "clean"]
)
def test_what_make_would_run_is_proper_shell(target: str) -> None:
    said = subprocess.run(
        ["make", "--no-print-directory", "--always-make", "-n", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    parsed = subprocess.run(["bash", "-n"], input=said.stdout, capture_output=True, text=True, check=False)
    assert parsed.returncode == 0, parsed.stderr


def test_the_suites_that_continuous_integration_does_not_run_can_be_begun() -> None:
    """Faults take half an hour, benchmarks a quiet machine; what they share with other tests may move all the same."""
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests/faults"]
    for command in (collect, [sys.executable, "-m", "tests.bench", "--help"]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr
