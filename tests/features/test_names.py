"""Names by their numbers: compiled code and its reference agree on any names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import names
from features.names import CompiledNames, ListedNames, Names, new_names
from schemas.texts import Strings, texts_of

compiled = pytest.mark.skipif(names._library() is None, reason="no compiled code is here")
batches = st.lists(st.lists(st.text(min_size=1, max_size=30) | st.text("ab", min_size=1, max_size=3)), max_size=8)


def both() -> list[Names]:
    library = names._library()
    return [ListedNames()] if library is None else [ListedNames(), CompiledNames(library)]


@compiled
@given(batches)
def test_compiled_code_gives_the_numbers_of_a_dict(batches: list[list[str]]) -> None:
    mine, reference = new_names(), ListedNames()
    assert isinstance(mine, CompiledNames)
    for batch in batches:
        asked = [*batch, "never added"]
        np.testing.assert_array_equal(mine.find(asked), reference.find(asked))
        np.testing.assert_array_equal(mine.add(batch), reference.add(batch))
        np.testing.assert_array_equal(mine.add(Strings(texts_of(batch))), reference.add(batch))
    assert list(mine) == list(reference)
    everybody = np.arange(len(mine))[::-1]
    assert list(mine.encoded(everybody)) == list(reference.encoded(everybody))


@compiled
def test_many_names_keep_their_numbers_while_the_table_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "FIRST_SIZE", 8)  # a power of two
    mine, all_names = CompiledNames(names._library()), [f"customer-{i}" for i in range(20_000)]
    for first in range(0, len(all_names), 700):
        mine.add(all_names[max(first - 50, 0) : first + 700])
    np.testing.assert_array_equal(mine.find(all_names), np.arange(20_000))


@pytest.mark.parametrize("mine", both(), ids=lambda one: type(one).__name__)
def test_a_name_is_found_by_its_number_and_a_number_by_its_name(mine: Names) -> None:
    assert mine.add(["anna", "门店", "bob", "anna"]).tolist() == [0, 1, 2, 0]
    assert (mine[1], mine[-1], mine[1:]) == ("门店", "bob", ["门店", "bob"])
    assert ("anna" in mine, "an" in mine, None in mine) == (True, False, False)
    assert list(mine.encoded(np.array([2, 1]))) == [b"bob", "门店".encode()]
    with pytest.raises(IndexError):
        mine[3]
    with pytest.raises(IndexError):
        mine.encoded(np.array([3]))
