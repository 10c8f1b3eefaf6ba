"""What can go wrong, as one small tree.

```
InferryError
├── InvalidDocument          a file that is not what it should be
├── SettingsError            inferry.toml, the environment or a flag
├── PluginError
│   ├── PluginIncompatible   needs another version of inferry; it was not imported
│   ├── PluginLoadError      its module cannot be imported or registered
│   ├── PluginHookError      a hook raised or gave something else than descriptors
│   ├── PluginConflict       two plugins claim one name
│   └── ImplementationMissing  the extra that holds the implementation is not installed
├── PlanningError            no plan for this service; carries a status reason
├── StorageError             a model cannot be had from its URI
├── ModelError
│   ├── ModelLoadError       the model cannot serve; carries a status reason
│   ├── InvalidInput         the request is wrong (HTTP 400)
│   ├── ModelNotFound        no such model, version or tensor (HTTP 404)
│   ├── ModelNotReady        known, but not loaded (HTTP 503)
│   ├── Overloaded           the queue is full (HTTP 503, Retry-After)
│   └── InferenceError       the model itself failed (HTTP 500)
└── BackendError             a backend (laptop, cluster) cannot do what was asked
```

Every error says what, which object and what to do: ``message`` states the first two,
``remedy`` the third.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BackendError",
    "ImplementationMissing",
    "InferenceError",
    "InferryError",
    "InvalidDocument",
    "InvalidInput",
    "ModelError",
    "ModelLoadError",
    "ModelNotFound",
    "ModelNotReady",
    "Overloaded",
    "PlanningError",
    "PluginConflict",
    "PluginError",
    "PluginHookError",
    "PluginIncompatible",
    "PluginLoadError",
    "SettingsError",
    "StorageError",
    "one_line",
    "printable",
]

#: Characters of a message; a pod's termination message has room for 4,096 bytes.
_LONGEST = 1000


class InferryError(Exception):
    """The root of every error that Inferry raises on purpose."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        if not self.remedy:
            return self.message
        return f"{self.message.rstrip('.')}; {self.remedy}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own way calls the class with positional arguments alone, so no
        # error with a keyword would survive the way out of another process.
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(
    cls: type[InferryError], args: tuple[Any, ...], state: dict[str, Any]
) -> InferryError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class InvalidDocument(InferryError, ValueError):
    """A document that breaks its schema; ``problems`` has a line for each fault."""

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n  ".join((super().__str__(), *self.problems))


class SettingsError(InferryError, ValueError):
    """Settings that cannot be used; ``problems`` lists everything, one line each."""

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class PluginError(InferryError):
    """Something is wrong with one plugin, named by ``plugin`` and ``distribution``."""

    def __init__(
        self, message: str, *, plugin: str, remedy: str = "", distribution: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.plugin = plugin
        self.distribution = distribution


class PluginIncompatible(PluginError):
    """The plugin requires another version of Inferry and was not imported."""


class PluginLoadError(PluginError):
    """The plugin's module cannot be imported or registered."""


class PluginHookError(PluginError):
    """A hook of the plugin raised, or yielded something else than descriptors."""


class PluginConflict(PluginError):
    """Two plugins claim the same name."""


class ImplementationMissing(PluginError, ImportError):
    """The module that an ImportRef names is not installed."""


class PlanningError(InferryError):
    """A service that cannot be planned; ``reason`` is an `inferry.status.Reason`."""

    def __init__(self, message: str, *, reason: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.reason = reason


class StorageError(InferryError):
    """A model that cannot be had from its URI; ``reason`` is a status reason.

    Its kinds are in `inferry.storage`. ``exit_code`` is what a command ends with,
    ``transient`` says that asking again may help. Names of files and URIs come from
    outside, so whatever is in the message, it is one line, and not longer than a status
    or a pod's termination message takes.
    """

    exit_code = 1
    transient = False

    def __init__(
        self, message: str, *, reason: str = "StorageFailed", remedy: str = ""
    ) -> None:
        lines = (_shortened(printable(line)) for line in remedy.splitlines())
        super().__init__(_shortened(printable(message)), remedy="\n".join(lines))
        self.reason = reason


class ModelError(InferryError):
    """The root of what a model or its server refuses."""


class ModelLoadError(ModelError):
    """A model that cannot be loaded; ``reason`` is one of `inferry.status.Reason`."""

    def __init__(
        self, message: str, *, reason: str = "ModelLoadFailed", remedy: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.reason = reason


class InvalidInput(ModelError, ValueError):
    """The caller's request is wrong: a tensor, a shape, a type, a parameter."""


class ModelNotFound(ModelError, LookupError):
    """No model, version or tensor of that name."""


class ModelNotReady(ModelError):
    """The model is known but cannot answer yet."""


class Overloaded(ModelError):
    """The queue is full; try again after ``retry_after`` seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InferenceError(ModelError):
    """The model raised while it computed an answer."""


class BackendError(InferryError):
    """A backend cannot do what was asked; ``exit_code`` is what a command ends with."""

    def __init__(self, message: str, *, remedy: str = "", exit_code: int = 1) -> None:
        super().__init__(message, remedy=remedy)
        self.exit_code = exit_code


def _shortened(text: str) -> str:
    """Return *text* without its middle, if it is too long: the cause is at its end."""
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} … {text[-half:]}"


def printable(text: str) -> str:
    """Return *text* with line ends and other control characters escaped.

    It is then one line, which no terminal obeys and every encoding takes that has
    its letters.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def one_line(error: BaseException, *, longest: int = 500) -> str:
    """Return type and text of somebody else's *error*, fit for a message of ours.

    White space is folded and the text ends after *longest* characters.
    """
    text = " ".join(str(error).split())[:longest]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
