from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from inferry.api import ModelFormatRef, ModelSpec
from inferry.errors import PlanningError
from inferry.planning import RuntimeChoice
from inferry.planning._selection import Selection, select
from inferry.plugins import ModelFormat

CLUSTER = """
    apiVersion: serving.kserve.io/v1alpha1
    kind: ClusterServingRuntime
    metadata: {name: cluster-sklearn}
    spec:
      supportedModelFormats:
        - {name: sklearn, version: "1", autoSelect: true}
      protocolVersions: [v2]
      containers: [{name: kserve-container, image: i}]
"""


def choose(
    catalog: Any,
    name: str = "sklearn",
    version: str | None = None,
    namespace: str = "default",
    **fields: Any,
) -> Selection:
    wanted = ModelFormatRef(name=name, version=version)
    return select(ModelSpec(model_format=wanted, **fields), namespace, catalog)


def refusal(*args: Any, **kwargs: Any) -> PlanningError:
    with pytest.raises(PlanningError) as raised:
        choose(*args, **kwargs)
    return raised.value


def test_the_only_runtime_is_chosen_and_says_so(kitchen: Any) -> None:
    selection = choose(kitchen.catalog())
    assert selection.entry.name == "sklearn"
    assert selection.why == "the only runtime that serves sklearn"


def test_a_cluster_runtime_comes_before_a_plugin(kitchen: Any) -> None:
    selection = choose(kitchen.catalog(documents=CLUSTER))
    assert selection.entry.name == "cluster-sklearn"
    assert "runtimes of the cluster come before plugins" in selection.why


def test_a_namespace_runtime_comes_before_a_cluster_one(kitchen: Any) -> None:
    own = CLUSTER.replace("Cluster", "").replace("cluster-", "own-")
    own = own.replace("{name: own-sklearn}", "{name: own-sklearn, namespace: lab}")
    catalog = kitchen.catalog(documents=f"{own}\n    ---{CLUSTER}")
    assert choose(catalog, namespace="lab").entry.name == "own-sklearn"
    assert choose(catalog).entry.name == "cluster-sklearn"


def test_the_higher_priority_wins(kitchen: Any) -> None:
    low = kitchen.runtime("low", ModelFormat(name="x", priority=1))
    high = kitchen.runtime("high", ModelFormat(name="x", priority=2))
    none = kitchen.runtime("none", ModelFormat(name="x"))
    selection = choose(kitchen.catalog(low, high, none), "x")
    assert selection.entry.name == "high"
    assert {c.name: c.why for c in selection.candidates if not c.chosen} == {
        "low": "would serve it, but its priority 1 is lower than 2",
        "none": "would serve it, but its priority none is lower than 2",
    }


def test_the_priority_is_that_of_the_version_that_matched(kitchen: Any) -> None:
    first = kitchen.runtime(
        "first",
        ModelFormat(name="x", version="1", priority=9),
        ModelFormat(name="x", version="2", priority=1),
    )
    second = kitchen.runtime("second", ModelFormat(name="x", version="2", priority=5))
    assert choose(kitchen.catalog(first, second), "x", "2").entry.name == "second"
    assert choose(kitchen.catalog(first, second), "x", "1").entry.name == "first"


def test_a_tie_is_refused_and_says_what_to_write(kitchen: Any) -> None:
    catalog = kitchen.catalog(
        kitchen.runtime("ovms", ModelFormat(name="onnx")),
        kitchen.runtime("onnxrt", ModelFormat(name="onnx")),
    )
    error = refusal(catalog, "onnx")
    assert error.reason == "AmbiguousRuntime"
    assert str(error) == (
        "the runtimes onnxrt (plugin acme-onnxrt 1.2.3), ovms (plugin acme-ovms 1.2.3) "
        "serve 'onnx' with the same priority; name one in the service, for example "
        "spec.predictor.model.runtime: onnxrt"
    )


def test_a_tie_in_a_lower_scope_does_not_matter(kitchen: Any) -> None:
    catalog = kitchen.catalog(
        kitchen.runtime("a", ModelFormat(name="sklearn")),
        kitchen.runtime("b", ModelFormat(name="sklearn")),
        documents=CLUSTER,
    )
    assert choose(catalog).entry.name == "cluster-sklearn"


@pytest.mark.parametrize(
    ("asked", "offered", "how"),
    [
        ("1", "1", "version 1 exactly"),
        ("1.5", "1", "version 1.5 as 1"),
        ("1", "1.5", "version 1 as 1.5"),
        ("3", None, "version 3: it names no version"),
    ],
)
def test_a_version_matches_exactly_or_by_its_leading_parts(
    kitchen: Any, asked: str, offered: str | None, how: str
) -> None:
    runtime = kitchen.runtime("x", ModelFormat(name="x", version=offered))
    assert how in choose(kitchen.catalog(runtime), "x", asked).why


@pytest.mark.parametrize("asked", ["2", "10", "1x"])
def test_another_version_does_not_match(kitchen: Any, asked: str) -> None:
    error = refusal(kitchen.catalog(), version=asked)
    assert error.reason == "NoSupportingRuntime"
    assert error.message == (
        f"no runtime here serves 'sklearn' version {asked}: sklearn serves sklearn 0, 1"
    )
    assert error.remedy == "set modelFormat.version to one of 0, 1, or none"


def test_an_omitted_protocol_is_any_that_the_runtime_speaks(kitchen: Any) -> None:
    runtime = kitchen.runtime("onnx", protocols=("grpc-v2", "v2"))
    selection = choose(kitchen.catalog(runtime), "onnx")
    assert selection.protocol == "v2"
    assert "protocol v2, the first that it speaks" in selection.why


def test_v1_is_served_where_it_is_spoken(kitchen: Any) -> None:
    runtime = kitchen.runtime("onnx", protocols=("v2", "v1"))
    assert choose(kitchen.catalog(runtime), "onnx").protocol == "v1"


SEVERAL = """
    apiVersion: serving.kserve.io/v1alpha1
    kind: ClusterServingRuntime
    metadata: {name: %s}
    spec:
      supportedModelFormats: [{name: sklearn, autoSelect: true, priority: %s}]
      protocolVersions: [%s]
      containers: [{name: kserve-container, image: i}]
"""


def several(*runtimes: tuple[str, str, str]) -> str:
    return "\n---\n".join(SEVERAL % each for each in runtimes)


def test_without_a_protocol_a_runtime_that_speaks_v1_comes_first(kitchen: Any) -> None:
    """As in KServe, where MLServer has the higher priority and speaks v2 alone."""
    both = several(("mlserver", "2", "v2"), ("sklearnserver", "1", "v1, v2"))
    catalog = kitchen.catalog(documents=both)
    selection = choose(catalog)
    assert selection.entry.name == "sklearnserver"
    assert selection.protocol == "v1"
    assert {c.name: c.why for c in selection.candidates}["mlserver"] == (
        "would serve it, but speaks v2, and a service that names no protocol is "
        "served v1 where it can be"
    )
    asked = choose(catalog, protocol_version="v2")
    assert asked.entry.name == "mlserver"


def test_a_runtime_of_the_namespace_that_does_not_speak_v1_does_not_hide_one_that_does(
    kitchen: Any,
) -> None:
    own = (
        several(("own", "1", "v2"))
        .replace("Cluster", "")
        .replace("own}", "own, namespace: lab}")
    )
    catalog = kitchen.catalog(documents=f"{own}\n---\n{several(('all', '1', 'v1'))}")
    assert choose(catalog, namespace="lab").entry.name == "all"


def test_a_plugin_that_speaks_v1_does_not_come_before_yaml(kitchen: Any) -> None:
    catalog = kitchen.catalog(documents=CLUSTER)
    assert choose(catalog).entry.name == "cluster-sklearn"


def test_of_two_with_one_priority_that_with_the_first_protocol_is_chosen(
    kitchen: Any,
) -> None:
    both = several(("a", "0", "grpc-v2, v2"), ("b", "0", "v1, v2"))
    catalog = kitchen.catalog(documents=both.replace(", priority: 0", ""))
    selection = choose(catalog, protocol_version="v2")
    assert selection.entry.name == "b"
    assert {c.name: c.why for c in selection.candidates}["a"] == (
        "would serve it too, but b speaks v1"
    )


def test_a_protocol_that_nobody_speaks_lists_the_others(kitchen: Any) -> None:
    error = refusal(kitchen.catalog(), protocol_version="grpc-v2")
    assert str(error) == (
        "no runtime for 'sklearn' speaks grpc-v2: sklearn speaks v1, v2; set "
        "protocolVersion to one of v1, v2, or none"
    )


def test_a_runtime_without_auto_select_is_used_by_name_only(kitchen: Any) -> None:
    runtime = kitchen.runtime("quiet", ModelFormat(name="x", auto_select=False))
    catalog = kitchen.catalog(runtime)
    error = refusal(catalog, "x")
    assert error.remedy == "name one, for example spec.predictor.model.runtime: quiet"
    assert choose(catalog, "x", runtime="quiet").entry.name == "quiet"


def test_disabled_runtimes_are_never_chosen(kitchen: Any) -> None:
    off = CLUSTER.replace("spec:\n", "spec:\n      disabled: true\n")
    catalog = kitchen.catalog(kitchen.files, documents=off)
    assert "is disabled" in refusal(catalog).message
    named = refusal(catalog, runtime="cluster-sklearn")
    assert named.reason == "RuntimeDisabled"


@pytest.mark.parametrize("name", ["sklearn", "kserve-sklearnserver"])
def test_a_runtime_is_found_by_name_and_alias(kitchen: Any, name: str) -> None:
    assert choose(kitchen.catalog(), runtime=name).entry.name == "sklearn"


def test_an_alias_of_two_plugins_is_refused(kitchen: Any) -> None:
    catalog = kitchen.catalog(
        kitchen.runtime("a", aliases=("z",)), kitchen.runtime("b", aliases=("z",))
    )
    assert refusal(catalog, "a", runtime="z").reason == "AmbiguousRuntime"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("sklern", "did you mean 'sklearn'?"),
        ("kserve-xgbserver", "inferry[xgboost]"),
        ("kserve-mlserver", "leave spec.predictor.model.runtime out"),
        ("kserve-sklearn", "did you mean 'kserve-sklearnserver'?"),
        ("onnx", 'install it with: pip install "inferry[onnx]"'),
        ("zzz", "the runtimes here are: sklearn"),
    ],
)
def test_an_unknown_name_is_refused_with_help(
    kitchen: Any, name: str, remedy: str
) -> None:
    error = refusal(kitchen.catalog(), runtime=name)
    assert error.reason == "RuntimeNotRecognized"
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("onnx", 'install it with: pip install "inferry[onnx]"'),
        ("python", 'install it with: pip install "inferry[python]"'),
        ("xgboost", "inferry[xgboost]"),
        ("triton", "inferry[triton]"),
        ("sklaern", "did you mean 'sklearn'?"),
        ("onxx", "did you mean 'onnx'? If so, install it with"),
        ("wine", "the runtimes here serve: sklearn"),
    ],
)
def test_an_unknown_format_says_what_to_install(
    kitchen: Any, name: str, remedy: str
) -> None:
    error = refusal(kitchen.catalog(), name)
    assert error.reason == "NoSupportingRuntime"
    assert error.message == f"no runtime here serves the model format {name!r}"
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "onnx"}, "does not serve the format 'onnx'"),
        ({"version": "7"}, "serves sklearn 0, 1, but the model asks for version 7"),
        (
            {"protocol_version": "grpc-v1"},
            "speaks v1, v2, but the model asks for protocol grpc-v1",
        ),
    ],
)
def test_a_named_runtime_that_does_not_fit_says_why(
    kitchen: Any, fields: dict[str, str], message: str
) -> None:
    error = refusal(kitchen.catalog(), runtime="sklearn", **fields)
    assert error.reason == "NoSupportingRuntime"
    assert error.message == f"the runtime 'sklearn' {message}"


def test_a_named_runtime_gives_the_format_that_is_left_out(kitchen: Any) -> None:
    selection = select(ModelSpec(runtime="sklearn"), "default", kitchen.catalog())
    assert selection.format.name == "sklearn"


def test_neither_format_nor_runtime_is_refused(kitchen: Any) -> None:
    with pytest.raises(PlanningError, match="names neither a format nor a runtime"):
        select(ModelSpec(), "default", kitchen.catalog())


def test_several_nodes_need_a_runtime_for_them(kitchen: Any) -> None:
    model = ModelSpec(model_format=ModelFormatRef(name="sklearn"))
    with pytest.raises(PlanningError, match="is for one node"):
        select(model, "default", kitchen.catalog(), multi_node=True)


def test_a_named_runtime_without_formats_is_refused(kitchen: Any) -> None:
    runtime = """
        apiVersion: serving.kserve.io/v1alpha1
        kind: ClusterServingRuntime
        metadata: {name: bare}
        spec: {containers: [{name: kserve-container, image: i}]}
    """
    catalog = kitchen.catalog(documents=runtime)
    with pytest.raises(PlanningError, match="names no model format"):
        select(ModelSpec(runtime="bare"), "default", catalog)


def test_a_runtime_for_many_models_is_not_chosen_for_one(kitchen: Any) -> None:
    many = CLUSTER.replace("spec:\n", "spec:\n      multiModel: true\n")
    assert choose(kitchen.catalog(documents=many)).entry.name == "sklearn"


def previous(selection: Selection) -> RuntimeChoice:
    entry = selection.entry
    return RuntimeChoice(
        name=entry.name, scope=entry.scope, plugin=entry.plugin, version="0.9"
    )


def test_a_service_keeps_its_runtime_when_a_better_one_comes(kitchen: Any) -> None:
    before = previous(choose(kitchen.catalog()))
    model = ModelSpec(model_format=ModelFormatRef(name="sklearn"))
    catalog = kitchen.catalog(documents=CLUSTER)

    kept = select(model, "default", catalog, previous=before)

    assert kept.entry.name == "sklearn"
    assert kept.why == "the service keeps the runtime that it has"
    assert {each.name: each.why for each in kept.candidates if not each.chosen} == {
        "cluster-sklearn": "would serve it, but the service keeps the runtime that it "
        "has"
    }


def test_a_tie_that_comes_later_changes_nothing(kitchen: Any) -> None:
    first = kitchen.runtime("first", ModelFormat(name="x"))
    second = kitchen.runtime("second", ModelFormat(name="x"))
    before = previous(choose(kitchen.catalog(second), "x"))
    model = ModelSpec(model_format=ModelFormatRef(name="x"))

    kept = select(model, "default", kitchen.catalog(first, second), previous=before)

    assert kept.entry.name == "second"


@pytest.mark.parametrize(
    "change", [{"name": "gone"}, {"scope": "cluster"}, {"plugin": "another"}]
)
def test_what_served_before_and_is_not_there_now_decides_nothing(
    kitchen: Any, change: dict[str, Any]
) -> None:
    before = msgspec.structs.replace(previous(choose(kitchen.catalog())), **change)
    model = ModelSpec(model_format=ModelFormatRef(name="sklearn"))
    catalog = kitchen.catalog(documents=CLUSTER)

    chosen = select(model, "default", catalog, previous=before)

    assert chosen.entry.name == "cluster-sklearn"


def test_what_served_before_and_no_longer_fits_decides_nothing(kitchen: Any) -> None:
    before = previous(choose(kitchen.catalog()))
    model = ModelSpec(
        model_format=ModelFormatRef(name="sklearn"), protocol_version="grpc-v2"
    )
    other = CLUSTER.replace("[v2]", "[grpc-v2]")

    chosen = select(model, "default", kitchen.catalog(documents=other), previous=before)

    assert chosen.entry.name == "cluster-sklearn"


def test_the_same_question_has_the_same_answer(kitchen: Any) -> None:
    catalog = kitchen.catalog(documents=CLUSTER)
    assert choose(catalog) == choose(catalog)


def test_a_broken_plugin_is_blamed_before_anything_is_installed(kitchen: Any) -> None:
    catalog = kitchen.catalog()
    catalog = replace(catalog, broken={"onnx": "plugin 'onnx' cannot be imported"})
    assert refusal(catalog, "onnx").remedy == (
        "repair its plugin (see `inferry plugins doctor`): plugin 'onnx' cannot be "
        "imported"
    )
