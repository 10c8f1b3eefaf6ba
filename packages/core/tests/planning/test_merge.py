from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inferry.planning._merge import merge, merge_container, without

NAMES = st.sampled_from(["a", "b", "c"])
ITEMS = st.lists(
    st.fixed_dictionaries({"name": NAMES}, optional={"value": st.integers()}),
    max_size=3,
)
PODS = st.fixed_dictionaries(
    {},
    optional={
        "containers": ITEMS,
        "volumes": ITEMS,
        "tolerations": ITEMS,
        "nodeSelector": st.dictionaries(NAMES, st.text(max_size=3), max_size=2),
    },
)


@given(PODS)
def test_merging_equal_pods_changes_nothing(pod: dict[str, Any]) -> None:
    assert merge(pod, pod) == pod


@given(PODS, PODS)
def test_merging_changes_neither_side(
    base: dict[str, Any], overlay: dict[str, Any]
) -> None:
    before = copy.deepcopy((base, overlay))
    merge(base, overlay)
    assert (base, overlay) == before


@given(PODS, PODS)
def test_merging_twice_is_merging_once(
    base: dict[str, Any], overlay: dict[str, Any]
) -> None:
    once = merge(base, overlay)
    assert merge(once, overlay) == once


def test_containers_merge_by_name_and_keep_their_order() -> None:
    base = {"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}
    overlay = {"containers": [{"name": "c"}, {"name": "a", "tty": True}]}
    assert merge(base, overlay) == {
        "containers": [
            {"name": "a", "image": "x", "tty": True},
            {"name": "b"},
            {"name": "c"},
        ]
    }


def test_tolerations_are_replaced_as_a_whole() -> None:
    base = {"tolerations": [{"key": "a"}]}
    assert merge(base, {"tolerations": [{"key": "b"}]}) == {
        "tolerations": [{"key": "b"}]
    }


def test_an_env_of_the_same_name_is_replaced_not_joined() -> None:
    base = {"env": [{"name": "A", "value": "1"}]}
    overlay = {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]}
    assert merge(base, overlay) == overlay


def test_ports_merge_by_container_port_and_mounts_by_path() -> None:
    base = {
        "ports": [{"containerPort": 8080, "name": "http"}],
        "volumeMounts": [{"mountPath": "/a", "name": "v"}],
    }
    overlay = {
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "volumeMounts": [{"mountPath": "/a", "name": "w"}],
    }
    assert merge(base, overlay) == {
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
        "volumeMounts": [{"mountPath": "/a", "name": "w"}],
    }


def test_ports_that_are_not_unique_are_replaced() -> None:
    base = {"ports": [{"containerPort": 53, "protocol": "UDP"}]}
    overlay = {
        "ports": [
            {"containerPort": 53, "protocol": "UDP"},
            {"containerPort": 53, "protocol": "TCP"},
        ]
    }
    assert merge(base, overlay) == overlay


def test_none_removes_a_key() -> None:
    assert merge({"a": 1, "b": 2}, {"a": None}) == {"b": 2}


def test_resources_merge_deeply() -> None:
    base = {"resources": {"limits": {"cpu": "1", "memory": "2Gi"}}}
    overlay = {"resources": {"limits": {"cpu": "4"}}}
    assert merge(base, overlay) == {
        "resources": {"limits": {"cpu": "4", "memory": "2Gi"}}
    }


def test_args_of_serving_containers_are_put_end_to_end() -> None:
    merged = merge_container({"args": ["--a"]}, {"args": ["--b"], "image": "x"})
    assert merged == {"args": ["--a", "--b"], "image": "x"}


def test_a_container_without_args_has_none() -> None:
    assert merge_container({"image": "x"}, {}) == {"image": "x"}


def test_without_leaves_keys_out() -> None:
    assert without({"a": 1, "b": 2}, "a", "missing") == {"b": 2}
