from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atelier.training.data.dataset import CLASS, Dataset, Record
from atelier.training.data.mix import CLOSE, MOST, mixed, multiples


def made(name, count, repeats=1):
    records = (Record(Path(f"{name}/{n}.png"), "x", 8, 8, repeats=repeats) for n in range(count))
    return Dataset(name, tuple(records), {name: f"of {name}"}, (f"read {name}",))


def shares(dataset):
    shown = {}
    for record in dataset.records:
        shown[record.path.parent.name] = shown.get(record.path.parent.name, 0) + record.repeats
    return {name: count / sum(shown.values()) for name, count in shown.items()}


@pytest.mark.parametrize(
    ("sizes", "weights", "times"),
    [
        pytest.param((10, 10), (1, 1), [1, 1], id="as they are"),
        pytest.param((10, 100), (1, 1), [10, 1], id="a small one"),
        pytest.param((10, 100), (3, 1), [30, 1], id="a small one that counts"),
        pytest.param((20, 30), (1, 1), [3, 2], id="no whole ratio"),
        pytest.param((7, 13, 100), (1, 1, 2), [7, 4, 1], id="three"),
    ],
)
def test_the_smallest_repeats_that_give_the_shares(sizes, weights, times):
    asked = [weight / sum(weights) for weight in weights]
    found = multiples(sizes, asked)
    assert found
    shown = [size * many for size, many in zip(sizes, found, strict=True)]
    off = max(abs(one / sum(shown) - share) for one, share in zip(shown, asked, strict=True))
    assert off <= CLOSE
    if len(sizes) == 2:
        assert found == times


@given(
    st.lists(
        st.tuples(st.integers(1, 300), st.floats(0.1, 10)), min_size=1, max_size=4
    )
)  # fmt: skip
@example([(1, 3.0), (56, 0.875), (112, 1.0)])
def test_shares_are_as_asked(asked):
    """Within 2 %, or as well as repeats up to the most allow: numbers are whole, and those of the
    dataset that is repeated least are off by a half at the most.
    """
    datasets = [made(f"d{number}", size) for number, (size, _) in enumerate(asked)]
    weights = [weight for _, weight in asked]
    needed = [weight / size for size, weight in asked]
    try:
        found = shares(mixed(datasets, weights))
    except ValueError as error:
        assert "1000 times" in str(error) and max(needed) / min(needed) > 999
        return
    least = MOST * min(needed) // max(needed)
    for number, weight in enumerate(weights):
        close = max(0.02, 0.5 / max(least, 1))
        assert found[f"d{number}"] == pytest.approx(weight / sum(weights), abs=close)


def test_a_mix_keeps_order_repeats_flags_and_notes():
    one, other = made("a", 2, repeats=3), made("b", 3)
    flagged = Dataset("b", tuple(Record(**{**vars(r), "flags": (CLASS,)}) for r in other.records))
    mix = mixed([one, flagged], [2, 1])
    assert [record.path for record in mix.records] == [
        record.path for record in one.records + other.records
    ]
    assert [record.repeats for record in mix.records] == [3, 3, 1, 1, 1]
    assert len(mix.flagged(CLASS)) == 3
    assert mix.notes == {"a": "of a"}
    assert mix.told[-1] == "b: 3 x 1: 33.3% of what is shown (33.3% asked)."


def test_a_weight_of_nothing_leaves_a_dataset_out():
    assert set(shares(mixed([made("a", 2), made("b", 2)], [1, 0]))) == {"a"}


@pytest.mark.parametrize(
    ("datasets", "weights", "message"),
    [
        ([made("a", 2)], [0], "All weights are 0"),
        ([made("a", 2), made("b", 0)], [1, 1], "b has no pictures"),
        ([made("a", 1), made("b", 5000)], [1, 1], "a and b cannot be mixed so"),
    ],
)
def test_what_cannot_be_mixed_is_said(datasets, weights, message):
    with pytest.raises(ValueError, match=message):
        mixed(datasets, weights)
