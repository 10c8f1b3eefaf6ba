"""`PythonModel` passes the kit in each style, and tells the user's own faults."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inferry.errors import InferenceError, InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.testing import RuntimeTests
from inferry_runtime_python.model import PythonModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARRAYS = """
    import numpy as np
    class Model:
        def load(self, path):
            self.factor = 2.0
        def predict(self, values: np.ndarray):
            return {"doubled": values * self.factor}
"""
REQUEST = """
    import numpy as np
    from inferry.errors import InvalidInput
    from inferry.model import *
    class Model:
        batching = True
        def load(self, path, options): pass
        def metadata(self):
            x = TensorSpec(name="x", datatype="FP64", shape=(-1, 2))
            return ModelMetadata(inputs=(x,), outputs=(x,))
        def predict(self, request: InferRequest) -> InferResponse:
            (tensor,) = request.inputs
            if tensor.name != "x" or set(request.outputs) - {"x"}:
                raise InvalidInput(f"expected x, asked for {request.outputs}")
            if tensor.datatype != "FP64" or tensor.data.shape[1:] != (2,):
                raise InvalidInput("x must be FP64 [-1, 2]")
            return InferResponse(outputs=(tensor,))
        def unload(self): pass
"""
ASYNC = """
    import asyncio
    class Model:
        async def predict(self, values):
            await asyncio.sleep(0)
            return values + 1
"""


def ask(*values: Any, name: str = "input-0") -> InferRequest:
    return InferRequest(
        inputs=(Tensor(name=name, datatype="FP64", data=np.array(values)),)
    )


class KitTests(RuntimeTests):
    model = PythonModel

    def request_example(self, model: Any) -> InferRequest:
        return ask([1.0, 2.0], name="x")


class TestArrays(KitTests):
    @pytest.fixture
    def artifact(self, write: Callable[..., Path]) -> Path:
        return write(ARRAYS)


class TestRequest(KitTests):
    @pytest.fixture
    def artifact(self, write: Callable[..., Path]) -> Path:
        return write(REQUEST)


class TestAsync(KitTests):
    @pytest.fixture
    def artifact(self, write: Callable[..., Path]) -> Path:
        return write(ASYNC)


del KitTests


def test_plain_arrays_in_and_out(serve: Callable[..., Any]) -> None:
    (answer,) = serve(ARRAYS).predict(ask(1.0, 2.0)).outputs

    assert (answer.name, answer.data.tolist()) == ("doubled", [2, 4])


async def test_an_async_predict_stays_async(serve: Callable[..., Any]) -> None:
    model = serve(ASYNC)

    assert inspect.iscoroutinefunction(model.predict)
    (answer,) = (await model.predict(ask(1.0))).outputs
    assert answer.data.tolist() == [2]


def test_optional_parts_are_found_by_presence(serve: Callable[..., Any]) -> None:
    model = serve(REQUEST)

    assert model.batching is True
    assert not hasattr(model, "explain")
    assert not hasattr(serve(ARRAYS), "metadata")


def test_attributes_declare_metadata(serve: Callable[..., Any]) -> None:
    model = serve("""
        class Model:
            inputs = {"x": ("FP32", (-1,))}
            def predict(self, x): return x
    """)

    assert model.metadata().inputs == (
        TensorSpec(name="x", datatype="FP32", shape=(-1,)),
    )


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("self", 0),
        ("self, path", 1),
        ("self, path, options", 2),
        ("self, *given", 2),
        ("self, path=None", 1),
    ],
)
def test_load_takes_what_it_asks_for(
    serve: Callable[..., Any], signature: str, expected: int
) -> None:
    model = serve(f"""
        class Model:
            def load({signature}):
                given = [v for k, v in locals().items() if k != "self"]
                self.given = list(given[0]) if "*" in "{signature}" else given
            def predict(self, x): return len(self.given)
    """)

    assert model.predict(ask(1.0)).outputs[0].data.tolist() == [expected]


def test_load_is_optional_and_gets_the_folder(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    model = serve("""
        class Model:
            def load(self, path): self.path = path
            def predict(self, x): return str(self.path)
    """)

    (answer,) = model.predict(ask(1.0)).outputs
    assert answer.data.tolist() == [str(tmp_path / "model").encode()]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def load(self): 1 / 0", r"model\.py:3: ZeroDivisionError"),
        ("def __init__(self): 1 / 0", r"model\.py:3: ZeroDivisionError"),
        ("def __init__(self, size): pass", "cannot be made without size"),
        ("def load(self): return False", "load returned False"),
        ("async def load(self): pass", "load is async"),
        ("def load(self): import nothing_xyz", r"model\.py:3: ModuleNotFoundError"),
        ("def load(self): raise MemoryError", "does not fit into memory"),
    ],
)
def test_what_fails_at_load_is_told(
    serve: Callable[..., Any], body: str, said: str
) -> None:
    with pytest.raises(ModelLoadError, match=said):
        serve(f"""
        class Model:
            {body}
            def predict(self, x): return x
        """)


def test_a_named_class_without_predict_is_refused(serve: Callable[..., Any]) -> None:
    with pytest.raises(ModelLoadError, match=r"Model in model\.py has no method pred"):
        serve("class Model: pass", **{"class": "Model"})


def test_an_exception_in_predict_has_its_line(serve: Callable[..., Any]) -> None:
    model = serve("""
        class Model:
            def predict(self, x):
                return {}["label"]
    """)

    with pytest.raises(InferenceError, match=r"failed: model\.py:4: KeyError: 'label'"):
        model.predict(ask(1.0))


async def test_an_exception_in_an_async_predict_has_its_line(
    serve: Callable[..., Any],
) -> None:
    model = serve("""
        class Model:
            async def predict(self, x):
                return {}["label"]
    """)

    with pytest.raises(InferenceError, match=r"model\.py:4: KeyError"):
        await model.predict(ask(1.0))


def test_the_users_own_refusal_passes(serve: Callable[..., Any]) -> None:
    model = serve("""
        from inferry.errors import InvalidInput
        class Model:
            def predict(self, x):
                raise InvalidInput("too small")
    """)

    with pytest.raises(InvalidInput, match="too small"):
        model.predict(ask(1.0))


def test_a_helper_beside_the_model_is_imported_in_load(
    write: Callable[..., Path],
) -> None:
    code = """
        class Model:
            def load(self):
                import helper
                self.helper = helper
            def predict(self, x): return self.helper.VALUE
    """
    model = PythonModel()
    model.load(write(code, helper="VALUE = 7"), {})

    assert model.predict(ask(1.0)).outputs[0].data.tolist() == [7]


def test_unload_lets_the_class_clean_up(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    model = serve("""
        class Model:
            def load(self, path): self.path = path
            def predict(self, x): return x
            def unload(self): (self.path / "unloaded").touch()
    """)

    model.unload()
    model.unload()

    assert (tmp_path / "model" / "unloaded").exists()
    with pytest.raises(ModelNotReady):
        model.predict(ask(1.0))
