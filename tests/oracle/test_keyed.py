"""Keyed streams: equal keys give equal draws, different keys independent ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perplab.oracle.keyed import derive, generator

PART = st.one_of(st.integers(), st.text())
KEY = st.lists(PART, max_size=4)


@given(st.integers(), KEY)
def test_equal_keys_give_equal_streams(seed: int, key: list[int | str]) -> None:
    assert generator(seed, *key).random(4).tolist() == generator(seed, *key).random(4).tolist()


@given(st.tuples(st.integers(), KEY), st.tuples(st.integers(), KEY))
def test_different_keys_give_different_streams(
    one: tuple[int, list[int | str]], other: tuple[int, list[int | str]]
) -> None:
    if one != other:
        assert derive(one[0], *one[1]) != derive(other[0], *other[1])


def test_parts_are_not_confused() -> None:
    keys: list[tuple[int | str, ...]] = [
        (),
        (1,),
        ("1",),
        (1, 1),
        (11,),
        ("1", "1"),
        ("11",),
        ("a", "b"),
        ("ab",),
        ("", "ab"),
        (-1,),
        ("s1:1",),
    ]
    assert len({derive(7, *key) for key in keys}) == len(keys)
    assert derive(1, 2) != derive(2, 1) != derive(12)


def test_streams_are_independent() -> None:
    draws = np.array([generator(5, "agent", agent, "size", 0).standard_normal(4_000) for agent in range(20)])
    correlation = np.corrcoef(draws) - np.eye(20)
    assert np.abs(correlation).max() < 0.08  # five standard deviations of the correlation of independent draws
    assert abs(draws.mean()) < 0.02 and abs(draws.std() - 1.0) < 0.02


def test_a_stream_does_not_notice_others() -> None:
    alone = generator(5, "one").random(3).tolist()
    one, other = generator(5, "one"), generator(5, "other")
    interleaved = []
    for _ in range(3):
        interleaved.append(one.random())
        other.random(10)
    assert interleaved == alone


def test_numpy_integers_are_integers() -> None:
    assert derive(np.int64(3), np.int32(4)) == derive(3, 4)  # type: ignore[arg-type]


def test_streams_never_change() -> None:
    """Pinned: a change of the key's encoding would silently give every scenario other draws."""
    assert derive(1, "taker", 7) == 146166438912143438329024024841335943149
    assert generator(1, "taker", 7).integers(0, 10**9, 3).tolist() == [392049493, 374407651, 441564861]


@pytest.mark.parametrize("part", [1.0, None, True, b"a", (1,)])
def test_other_parts_are_refused(part: object) -> None:
    with pytest.raises(TypeError, match="expected an int or a str"):
        derive(1, part)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected an int"):
        generator(part)  # type: ignore[arg-type]


def test_a_text_is_no_seed() -> None:
    with pytest.raises(TypeError, match="expected an int"):
        derive("1")  # type: ignore[arg-type]
