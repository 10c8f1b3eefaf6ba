"""The rule of every kit: a test is passed or marked, never replaced in silence."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations


class KitRules:
    """What all kits share: the check that no test of theirs was replaced."""

    def test_no_kit_test_is_replaced(self) -> None:
        """Every test of the kit runs as it was written.

        On failure: give the method back to the kit. If your plugin cannot pass it yet,
        override it with ``@pytest.mark.xfail(reason="...")`` and call ``super()``.
        """
        replaced = [
            name
            for name in sorted(_tests_of_kits(type(self)))
            if not _is_from_kit(type(self), name)
            and not _has_reason(getattr(type(self), name))
        ]
        assert not replaced, (
            f"{type(self).__name__} replaces {', '.join(replaced)} of the kit "
            "without @pytest.mark.xfail(reason=...)"
        )


def _tests_of_kits(cls: type) -> set[str]:
    return {
        name
        for base in cls.__mro__
        if base.__module__.startswith("inferry.testing.")
        for name in vars(base)
        if name.startswith("test_")
    }


def _is_from_kit(cls: type, name: str) -> bool:
    owner = next(base for base in cls.__mro__ if name in vars(base))
    return owner.__module__.startswith("inferry.testing.")


def _has_reason(test: object) -> bool:
    return any(
        mark.name == "xfail" and mark.kwargs.get("reason")
        for mark in getattr(test, "pytestmark", ())
    )
