"""The pages of the reference that the code writes itself.

``python docs/generate.py`` writes them; ``nox -s docs-check`` fails where a page is not
what the code would write now, so a command, setting, field or reason without
documentation cannot be merged.
"""

from __future__ import annotations

import subprocess
import sys
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING

from credentials_page import write_credentials
from errors_page import write_errors
from flags_page import write_flags
from grpc_page import write_grpc
from http_page import write_http
from runtimes_page import write_runtimes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import click

    from inferry.planning.fields import Treatment

REFERENCE = Path(__file__).parent / "reference"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(text) for text in row)} |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def settings() -> str:
    """Return the page of all settings, first-party plugins included."""
    from inferry.config import load_settings
    from inferry.plugins import load_plugins

    declared = load_settings(environ={})
    load_plugins("cli", declared)
    rows = [
        (
            f"`[{one.spec.section}] {one.spec.key}`",
            one.spec.type,
            f"`{one.spec.default!r}`",
            one.spec.help,
        )
        for one in declared.all()
    ]
    return (
        "# Settings\n\n"
        "Set them in `inferry.toml`, in the environment "
        "(`INFERRY_<SECTION>__<KEY>`, dots become `__`) or with "
        "`inferry --set section.key=value`; the last one wins.\n"
        "`inferry config` prints each with its value and where it came from.\n\n"
        f"{table(('setting', 'type', 'default', 'meaning'), rows)}\n"
    )


def commands() -> str:
    """Return the page of all commands with their options."""
    import click

    from inferry.cli import main

    context = click.Context(main, info_name="inferry")
    parts = ["# Commands", _COMMANDS, _options(main)]
    for name, command in _walk(main, context, "inferry"):
        usage = command.collect_usage_pieces(context)
        parts += [
            f"## `{name}`",
            f"```\n{name} {' '.join(usage)}\n```",
            cleandoc((command.help or "").replace("\b", "")),
            _options(command),
            _examples(command),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


_COMMANDS = """\
Every command exits with 0 when it did what it was asked, with 2 when it was called wrongly, and with 1 for every other error, which is printed to stderr with what to do; `inferry storage` [tells its errors apart](../how-to/pull-a-model.md#exit-codes).
`INFERRY_DEBUG=1` shows the traceback of an error, `NO_COLOR=1` prints no colours.

Let your shell complete commands and options, with the line that fits it:

```
eval "$(_INFERRY_COMPLETE=bash_source inferry)"
eval "$(_INFERRY_COMPLETE=zsh_source inferry)"
_INFERRY_COMPLETE=fish_source inferry | source
```

`python -m inferry` is the same command."""


def _walk(
    group: click.Group, context: click.Context, prefix: str
) -> Iterator[tuple[str, click.Command]]:
    import click

    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        yield f"{prefix} {name}", command
        if isinstance(command, click.Group):
            yield from _walk(command, context, f"{prefix} {name}")


def _examples(command: click.Command) -> str:
    _, found, lines = (command.epilog or "").partition("Examples:\n")
    return f"```\n{cleandoc(lines)}\n```" if found else ""


def _options(command: click.Command) -> str:
    import click

    rows = [
        (f"`{', '.join(option.opts + option.secondary_opts)}`", option.help or "")
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
    ]
    return table(("option", "meaning"), rows) if rows else ""


def fields() -> str:
    """Return the page that says what each backend does with each field."""
    from inferry.planning import fields as known

    sections = (
        ("Fields of the InferenceService", "", known.FIELDS),
        ("The inlined pod spec", "pod.", known.POD_FIELDS),
        ("The inlined container of a model", "container.", known.CONTAINER_FIELDS),
        ("Annotations", "", known.ANNOTATIONS),
    )
    parts = [
        "# The InferenceService, field by field",
        (
            "Each field takes effect (honoured), is named at start as without effect "
            "(reported), or turns the service away (refused).\n"
            "`*` stands for every field that the table does not name.\n"
            "A cluster deploys a service in the mode Standard or Knative.\n"
            "What depends on more than the field is told where it is so: an Ingress "
            "has no weights and no timeout, logger and batcher are those of our own "
            "server, KEDA and Knative have to be there."
        ),
    ]
    for title, prefix, treatments in sections:
        rows = _field_rows(prefix, treatments)
        parts += [f"## {title}", table(_FIELD_HEAD, rows)]
    return "\n\n".join(parts) + "\n"


_FIELD_HEAD = ("field", "laptop", "why", "Standard", "Knative", "why")


def _field_rows(
    prefix: str, treatments: Mapping[str, Treatment]
) -> Iterator[tuple[str, ...]]:
    from inferry.planning.cluster_fields import CLUSTER, ClusterTreatment
    from inferry.planning.fields import ANNOTATION

    # What a table leaves to `*` on a laptop may have a row of its own on clusters.
    kind = "/" if any("/" in name for name in treatments) else prefix
    rest = treatments.get("*", ANNOTATION)
    others = {
        name.removeprefix(prefix): rest
        for name in CLUSTER
        if kind and kind in name and name.removeprefix(prefix) not in treatments
    }
    for name, treatment in {**treatments, **others}.items():
        cluster = CLUSTER.get(f"{prefix}{name}", ClusterTreatment(why=""))
        yield (
            f"`{name}`",
            _action(treatment),
            treatment.why,
            _action(cluster.on("Standard")),
            _action(cluster.on("Knative")),
            cluster.why,
        )


def _action(treatment: Treatment) -> str:
    when = f" ({treatment.when})" if treatment.when else ""
    return f"{treatment.action}{when}"


def flags() -> str:
    """Return the page of the flags of ``python -m inferry_server``."""
    return write_flags(table)


def http() -> str:
    """Return the page of the HTTP interface with the server's own list of routes."""
    return write_http(table)


def runtimes() -> str:
    """Return the page of all runtimes."""
    return write_runtimes(table)


_METRICS = """\
# Metrics of a model server

`GET /metrics` gives them in Prometheus' text format, or in OpenMetrics where `Accept` asks for `application/openmetrics-text`.
The names are the same for every runtime, over HTTP and gRPC.
A counter is shown with `_total`, a histogram with `_bucket`, `_sum` and `_count`.

{families}

Beside these stand the `process_` and `python_` metrics of the Prometheus client.

## What is counted when

A request counts when its answer, or the last piece of a stream, is handed to the transport.
`code` is its HTTP status; a gRPC call counts under the status that HTTP would give for the same [error](errors.md), and 499 is a client that left.
A request for a model that is not there has an empty `model`, so that clients cannot invent labels.
Counts of requests survive a reload of the model.
Durations are in seconds, from 50 µs to 60 s: {bounds}.

Those of generation (`inferry_first_token_duration_seconds` and what follows it) are there for models that write text, whatever protocol asks them.
The model counts them itself, so they begin anew when it is loaded again, and their buckets are {token_bounds}.

A request passes these phases; small bodies come with their heads and have no `receive`.

{phases}

A row is one item along the first dimension of the first input.
`inferry_batch_size` counts executions, so `inferry_batch_size_sum` is rows and `inferry_batch_size_count` executions; the statistics of V2 are made of the same counters.

## For dashboards made for KServe

`request_predict_seconds` and its three relatives repeat phases under the names of KServe's model server, with its label `model_name`.
KServe measures the `preprocess` and `postprocess` methods of a model there; here it is the decoding of the request and the encoding of the answer.
"""


def metrics() -> str:
    """Return the page of all metrics of a model server."""
    from inferry.generation import BOUNDS as TOKEN_BOUNDS
    from inferry_server import statistics
    from inferry_server.counters import BOUNDS
    from inferry_server.metrics import FAMILIES

    rows = [
        (
            f"`{family.name}{'_total' if family.kind == 'counter' else ''}`",
            family.kind,
            ", ".join(family.labels),
            family.help,
        )
        for family in FAMILIES
    ]
    phases = (statistics.__doc__ or "").partition("\n| phase")[2]
    return _METRICS.format(
        families=table(("name", "kind", "labels", "what"), rows),
        bounds=", ".join(f"{bound / 1e9:g}" for bound in BOUNDS),
        token_bounds=", ".join(f"{bound:g}" for bound in TOKEN_BOUNDS),
        phases=f"| phase{phases}".strip(),
    )


def errors() -> str:
    """Return the page of all errors, over HTTP and gRPC."""
    return write_errors(table)


def reasons() -> str:
    """Return the page of all reasons, as the module itself prints it."""
    done = subprocess.run(
        [sys.executable, "-m", "inferry.status"],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def credentials() -> str:
    """Return the page of what opens a store."""
    return write_credentials(table)


PAGES = {
    "commands.md": commands,
    "credentials.md": credentials,
    "errors.md": errors,
    "fields.md": fields,
    "flags.md": flags,
    "grpc.md": write_grpc,
    "http.md": http,
    "metrics.md": metrics,
    "reasons.md": reasons,
    "runtimes.md": runtimes,
    "settings.md": settings,
}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (REFERENCE / page).write_text(write())
        sys.stdout.write(f"{REFERENCE / page}\n")
