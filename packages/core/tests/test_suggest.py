"""What a misspelt word was probably meant to be."""

from __future__ import annotations

from inferry._suggest import closest, did_you_mean, suggestion


def test_a_near_word_is_meant_whatever_its_case() -> None:
    assert closest("MinReplica", ["minReplicas", "maxReplicas"]) == "minReplicas"
    assert suggestion("sklaern", ["sklearn"]) == "did you mean 'sklearn'?"
    assert did_you_mean("prot", ["port"], upper=True) == "; did you mean 'PORT'?"


def test_a_word_unlike_all_others_means_none_of_them() -> None:
    assert suggestion("zzz", ["sklearn"]) == did_you_mean("zzz", ["sklearn"]) == ""
