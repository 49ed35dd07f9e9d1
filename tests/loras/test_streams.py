"""However many files and layers there are, a few layers are in memory."""

import weakref
from collections.abc import Callable

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from atelier.training.loras.interference import overlaps
from atelier.training.loras.lowrank import Budget
from atelier.training.loras.merge import Item, Merge
from atelier.training.loras.methods import METHODS, Recipe
from atelier.training.loras.resize import extracted, resized
from atelier.training.loras.result import add
from atelier.training.loras.sink import writing

from .made import named, parts, random, written

SIDE, RANK = 192, 2
LAYER = SIDE * SIDE * 4  # bytes of a whole change
MOST = 13  # whole changes that may be alive at a time: ties' five sums, della's order (int64) …
STRETCH = 1.2


class Alive(TorchDispatchMode):
    """Counts the bytes of all tensors that are made and not yet gone."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self._known = weakref.WeakSet()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for one in tree_leaves(out):
            if isinstance(one, torch.Tensor) and one.untyped_storage() not in self._known:
                self._count(one.untyped_storage())
        return out

    def _count(self, storage):
        size = storage.nbytes()
        self._known.add(storage)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, size)

    def _gone(self, size):
        self.now -= size


def peak(work: Callable[[], None]) -> int:
    with Alive() as alive:
        work()
    return alive.peak


def test_the_count_is_of_what_is_alive():
    def one_by_one():
        for _ in range(5):
            torch.zeros(SIDE, SIDE)

    def all_at_once():
        kept = [torch.zeros(SIDE, SIDE) for _ in range(5)]
        assert kept[0].T.sum() == 0

    assert peak(one_by_one) == LAYER
    assert 5 * LAYER <= peak(all_at_once) < 5 * LAYER + 100


def lora(path, layers, seed):
    state = {}
    for number in range(layers):
        one = parts("lora", SIDE, SIDE, RANK, random(100 * seed + number))
        state |= named(f"lora_unet_x{number}", one)
    return written(state, path)


def merging(folder, method, files, layers):
    """The peak of a merge into a file."""
    loras = [lora(folder / f"{n}-{layers}.safetensors", layers, n) for n in range(files)]
    weights = [0.5] * files
    recipe = Recipe(method, 4, 0.5)

    def work():
        merge = Merge([Item(*one) for one in zip(loras, weights, weights, strict=True)], recipe)
        with writing(folder / "merged.safetensors") as sink:
            for layer in merge.layers:
                result = merge.result(layer)
                assert result
                add(sink, result, torch.float32)

    return peak(work)


@pytest.mark.parametrize("method", METHODS)
def test_ten_files_merge_in_the_memory_of_a_few_layers(method, tmp_path):
    files = 2 if method == "slerp" else 10
    few, many = (merging(tmp_path, method, files, layers) for layers in (2, 8))
    assert many <= STRETCH * few
    thin = files * 2 * SIDE * RANK * 4  # the files' own tensors of one layer, in fp32
    assert many <= MOST * LAYER + 4 * thin


@pytest.mark.parametrize("work", ["resize", "extract", "interference"])
def test_the_others_need_no_more_for_more_layers(work, tmp_path):
    dice = random(7)
    weights = [torch.randn(SIDE, SIDE, generator=dice) for _ in range(16)]

    def step(layers):
        one, other = (lora(tmp_path / f"{work}{n}-{layers}.safetensors", layers, n) for n in (0, 1))
        merge = Merge([Item(one, 1, 1), Item(other, 1, 1)], Recipe())

        def run():
            for number, layer in enumerate(merge.layers):
                if work == "resize":
                    resized(one, one.stems[number], Budget(1))
                elif work == "extract":
                    extracted("x", weights[2 * number], weights[2 * number + 1], Budget(4))
                else:
                    overlaps(layer, merge.parts(layer))

        return peak(run)

    few, many = step(2), step(8)
    assert many <= STRETCH * few
    assert many <= MOST * LAYER
