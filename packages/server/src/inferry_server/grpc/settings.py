"""``TraceSetting`` and ``LogSettings``: what is written of requests and of the server.

Reading is open; a change is one of the repository's kind and may be closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_server.grpc.management import check_open
from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry_server.services import Services

_CHOICE = "parameter_choice"


class Settings:
    """Answers for the settings of *services* that can change while it runs."""

    def __init__(self, services: Services) -> None:
        self._models = services.models
        self._traces = services.trace_settings
        self._logs = services.log_settings
        self._is_open = services.settings.allow_management
        self.answers: Mapping[str, Callable[[Any], Any]] = {
            "LogSettings": self._log,
            "TraceSetting": self._trace,
        }

    def _trace(self, request: Any) -> Any:  # noqa: ANN401 - messages
        model = request.model_name
        if model:
            self._models.state(model)
        if request.settings:
            check_open("changing the trace settings", is_open=self._is_open)
            self._traces.change(model, _changes(request.settings))
        answer = message("TraceSettingResponse")()
        for name, value in self._traces.of(model).items():
            texts = value if isinstance(value, list) else [value]
            answer.settings[name].value.extend(texts)
        return answer

    def _log(self, request: Any) -> Any:  # noqa: ANN401 - messages
        if request.settings:
            check_open("changing the log settings", is_open=self._is_open)
            self._logs.change(
                {
                    name: getattr(value, value.WhichOneof(_CHOICE) or "", None)
                    for name, value in request.settings.items()
                }
            )
        answer = message("LogSettingsResponse")()
        for name, value in self._logs.values().items():
            setattr(answer.settings[name], _kind(value), value)
        return answer


def _changes(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the settings *given*; one without a value is to be set back."""
    changes: dict[str, object] = {}
    for name, value in given.items():
        texts = list(value.value)
        several = name == "trace_level" or len(texts) > 1
        changes[name] = (texts if several else texts[0]) if texts else None
    return changes


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool_param"
    return "uint32_param" if isinstance(value, int) else "string_param"
