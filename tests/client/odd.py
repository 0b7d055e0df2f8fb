"""What applications hand over by mistake, or worse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st


class Evil:
    """Answers every question with an exception."""

    def _raise(self, *_: object) -> Any:
        raise RuntimeError("evil")

    __class__ = property(_raise)
    __str__ = __bool__ = __int__ = __float__ = __iter__ = __len__ = __eq__ = __hash__ = _raise


class EvilError(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("evil")


class EvilMapping(dict[str, Any]):
    """A mapping that cannot be copied."""

    def items(self) -> Any:
        raise RuntimeError("evil")

    keys = __iter__ = items


def holding_itself() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found.update({"a": found, "b": [found, found]})
    return found


MAKERS: list[Callable[[], Any]] = [
    Evil, EvilError, lambda: EvilMapping(a=1), holding_itself, lambda: 10**5000, lambda: object, lambda: "\ud800"
]  # fmt: skip
ODD = st.integers(0, len(MAKERS) - 1).map(lambda number: MAKERS[number]())
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.binary(), st.complex_numbers(), st.text(),
    st.text(alphabet=st.characters(categories=["Cs", "Cc"])), st.datetimes(), ODD,
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)
