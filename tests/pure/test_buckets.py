from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atelier.training.data.buckets import Batches, bucket_sizes, nearest_bucket


@pytest.mark.parametrize(
    ("resolution", "step", "has"),
    [
        pytest.param(1024, 64, [(1024, 1024), (832, 1216), (1216, 832), (1536, 640)], id="sdxl"),
        pytest.param(512, 64, [(512, 512), (448, 576), (704, 320)], id="sd15"),
        pytest.param(128, 16, [(128, 128), (112, 144)], id="demo"),
    ],
)
def test_sizes_of_a_resolution(resolution, step, has):
    sizes = bucket_sizes(resolution, step)
    assert sizes[0] == (resolution, resolution)
    assert set(has) <= set(sizes)


@given(st.integers(64, 2048), st.sampled_from([8, 16, 32, 64]))
def test_no_size_is_larger_than_asked_or_off_the_step(resolution, step):
    for width, height in bucket_sizes(resolution, step):
        assert width % step == height % step == 0
        assert width * height <= resolution * resolution
        assert max(width, height) <= 3 * min(width, height)


def test_a_resolution_below_the_step_is_refused():
    with pytest.raises(ValueError, match="resolution 8 is smaller than 16"):
        bucket_sizes(8, 16)


@pytest.mark.parametrize(
    ("width", "height", "wanted"),
    [
        pytest.param(3000, 3000, (512, 512), id="square"),
        pytest.param(4000, 1000, (768, 320), id="panorama gets the widest"),
        pytest.param(300, 330, (512, 512), id="nearly square"),
        pytest.param(800, 1000, (448, 576), id="portrait"),
    ],
)
def test_a_picture_goes_to_the_nearest_shape(width, height, wanted):
    sizes = bucket_sizes(512, 64)
    assert nearest_bucket(width, height, sizes) == wanted


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 8), st.integers(0, 2**40)
)
def test_every_picture_is_drawn_equally_often_in_full_batches_of_one_bucket(sizes, batch, seed):
    numbers = iter(range(sum(sizes)))
    buckets = [[next(numbers) for _ in range(size)] for size in sizes]
    rounds = 12
    drawn = list(islice(Batches(buckets, batch, seed), rounds * sum(sizes)))
    assert all(len(b) == batch for b in drawn)
    assert all(any(set(b) <= set(bucket) for bucket in buckets) for b in drawn)
    counts = Counter(number for b in drawn for number in b)
    even = rounds * batch
    assert all(abs(counts[n] - even) <= 1 + batch for n in range(sum(sizes)))


def test_the_stream_is_a_function_of_the_seed():
    def stream(seed):
        return list(islice(Batches([[0, 1, 2], [3, 4]], 2, seed), 20))

    assert stream(1) == stream(1)
    assert stream(1) != stream(2)
