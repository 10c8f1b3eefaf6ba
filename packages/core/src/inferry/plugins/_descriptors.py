"""The frozen descriptors that hooks yield; each checks itself when it is made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Protocol = Literal["v1", "v2", "grpc-v1", "grpc-v2", "openai"]
Role = Literal["cli", "controller", "local", "server"]
OptionType = Literal["bool", "float", "int", "str"]

PROTOCOLS: tuple[Protocol, ...] = ("v1", "v2", "grpc-v1", "grpc-v2", "openai")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")
#: What a default may be, by the type of its option.
_DEFAULTS: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "float": (float, int),
    "int": (int,),
    "str": (str,),
}
#: What KServe's own runtimes ask for.
_RESOURCES: Mapping[str, str] = {"cpu": "1", "memory": "2Gi"}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")


def _check_name(kind: str, name: str) -> None:
    if not _DNS_LABEL.match(name):
        msg = (
            f"{kind} name {name!r} must be a DNS label: lower-case letters, digits and "
            "'-', at most 63, no '-' at either end"
        )
        raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class ImportRef:
    """Where the implementation is, without importing it.

    ``target`` is ``package.module:attribute``; ``extra`` names the extra of the
    plugin's distribution that installs what the module needs.
    """

    target: str
    extra: str | None = None

    def __post_init__(self) -> None:
        if not _TARGET.match(self.target):
            msg = (
                f"ImportRef target {self.target!r} must read 'package.module:attribute'"
            )
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFormat:
    """One entry of KServe's ``supportedModelFormats``; higher ``priority`` wins."""

    name: str
    version: str | None = None
    auto_select: bool = True
    priority: int | None = None

    def __post_init__(self) -> None:
        if not self.name:
            msg = "a ModelFormat needs a name"
            raise ValueError(msg)
        if self.priority is not None and self.priority < 1:
            msg = f"priority of format {self.name!r} is {self.priority}, must be >= 1"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerTemplate:
    """The container that a cluster runs.

    ``image`` may hold ``{registry}`` and ``{version}``; ``args`` may hold KServe's
    placeholders (``{{.Name}}``). ``pod`` is laid over the pod spec by strategic merge.
    ``server_type`` is set where the image is another server than Inferry's: KServe's
    ``serving.kserve.io/server-type`` of it, such as ``tritonserver``. It then takes the
    arguments of a service as they are, and none of the runtime's options.
    """

    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    pod: Mapping[str, Any] = field(default_factory=dict)
    server_type: str = ""
    metrics_port: int = 8080

    def __post_init__(self) -> None:
        if not self.image:
            msg = "a ContainerTemplate needs an image"
            raise ValueError(msg)

    @classmethod
    def serving(
        cls,
        runtime: str,
        *,
        image: str = "",
        resources: Mapping[str, str] = _RESOURCES,
    ) -> ContainerTemplate:
        """Return the container of Inferry's server that serves with *runtime*.

        ``image`` is what has both; without one it is ``inferry-runtime-NAME`` of the
        registry. ``resources`` are requested, and are the limits too.
        """
        return cls(
            image=image or f"{{registry}}/inferry-runtime-{runtime}:{{version}}",
            args=(
                f"--runtime={runtime}",
                "--model_name={{.Name}}",
                "--model_dir=/mnt/models",
                "--http_port=8080",
            ),
            requests=dict(resources),
            limits=dict(resources),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What a runtime's model can be told: ``--name=value`` in the container's args.

    ``name`` is spelt in camelCase (``allowPickle``); ``--allow_pickle`` means the same.
    The value reaches ``Model.load`` in ``options[name]``, converted to ``type``; what
    nobody sets is there as ``default``.
    """

    name: str
    type: OptionType = "str"
    default: bool | float | int | str | None = None
    help: str = ""

    def __post_init__(self) -> None:
        if not re.match(r"[a-z][A-Za-z0-9]*\Z", self.name):
            msg = f"option name {self.name!r} must be camelCase letters and digits"
            raise ValueError(msg)
        if self.type not in _DEFAULTS:
            msg = f"option {self.name!r}: unknown type {self.type!r}"
            raise ValueError(msg)
        # By the type itself: a bool is an int to isinstance.
        if self.default is not None and type(self.default) not in _DEFAULTS[self.type]:
            msg = (
                f"option {self.name!r}: the default {self.default!r} is no {self.type}"
            )
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A model runtime: which formats it serves, and what serves them.

    ``model`` is what the local backend and the server call, ``container`` what a
    cluster runs; at least one is needed. ``aliases`` are further names a service may
    ask for it by, such as KServe's own runtime names. ``artifacts`` are globs that
    betray a format. ``batching`` says which requests may be joined, ``devices`` what a
    model can run on and ``safety`` what of the format could run code, and which option
    allows it: for who chooses a runtime, in words.
    """

    name: str
    formats: tuple[ModelFormat, ...]
    protocols: tuple[Protocol, ...] = ("v2",)
    container: ContainerTemplate | None = None
    model: ImportRef | None = None
    artifacts: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    aliases: tuple[str, ...] = ()
    batching: str = ""
    devices: tuple[str, ...] = ("cpu",)
    safety: str = ""

    def __post_init__(self) -> None:
        _check_name("runtime", self.name)
        if self.container is None and self.model is None:
            msg = f"runtime {self.name!r} needs a container, a model, or both"
            raise ValueError(msg)
        if not self.formats:
            msg = f"runtime {self.name!r} must name at least one model format"
            raise ValueError(msg)
        unknown = sorted(set(self.protocols) - set(PROTOCOLS))
        if unknown:
            msg = (
                f"runtime {self.name!r}: unknown protocols {unknown}, known {PROTOCOLS}"
            )
            raise ValueError(msg)
        options = [option.name.lower() for option in self.options]
        twice = sorted({name for name in options if options.count(name) > 1})
        if twice:
            msg = f"runtime {self.name!r}: options declared twice: {', '.join(twice)}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageBackend:
    """A family of URIs and the client that reads them.

    ``client`` points at a callable ``(access: Access) -> Storage`` and ``credentials``
    at one ``(source: Source, lookup: Lookup) -> Credentials``, types of
    `inferry.storage`. Without ``credentials`` the ``secret_keys`` are looked up: names
    of environment variables, of files in a mounted secret, of keys in a Secret.
    ``uri_patterns`` are regular expressions for URIs of a shared scheme (https),
    matched from the start of the URI; the longest wins. ``container`` is what fetches
    on a cluster; without one the backend serves laptops only.
    """

    name: str
    schemes: tuple[str, ...]
    client: ImportRef
    uri_patterns: tuple[str, ...] = ()
    credentials: ImportRef | None = None
    secret_keys: tuple[str, ...] = ()
    container: ContainerTemplate | None = None

    def __post_init__(self) -> None:
        _check_name("storage backend", self.name)
        if not self.schemes and not self.uri_patterns:
            msg = f"storage backend {self.name!r} needs a scheme or a uri pattern"
            raise ValueError(msg)
        for scheme in self.schemes:
            if not _SCHEME.match(scheme):
                msg = f"storage backend {self.name!r}: {scheme!r} is not a URI scheme"
                raise ValueError(msg)
        for pattern in self.uri_patterns:
            try:
                re.compile(pattern)
            except re.error as exc:
                msg = (
                    f"storage backend {self.name!r}: {pattern!r} is not a regular "
                    f"expression: {exc}"
                )
                raise ValueError(msg) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalingPolicy:
    """A policy by name; ``policy`` is a callable ``(settings: Mapping) -> Policy``.

    ``metrics`` are the names that the host collects into `Signals.metrics` for it.
    Without ``scale_to_zero`` a service with ``minReplicas: 0`` cannot use it.
    """

    name: str
    policy: ImportRef
    metrics: frozenset[str] = frozenset()
    scale_to_zero: bool = False

    def __post_init__(self) -> None:
        _check_name("autoscaling policy", self.name)
