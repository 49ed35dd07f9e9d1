"""What is kept of pictures, and when they are looked at again."""

import json

import numpy as np
import pytest
from PIL import Image

from atelier.measure.planted import jpeg
from atelier.training.curation import looks as module
from atelier.training.curation.duplicates import groups, near
from atelier.training.curation.embeddings import Embedded
from atelier.training.curation.look import Look, decoded, look_from, perceptual_hash
from atelier.training.curation.looks import Looks
from atelier.training.data.pictures import open_rgb

from .conftest import scene


@pytest.fixture
def counted(monkeypatch):
    seen = []
    look_at = module.look_at

    def counting(path, content, resolution):
        seen.append(path.name)
        return look_at(path, content, resolution)

    monkeypatch.setattr(module, "look_at", counting)
    return seen


def test_only_what_changed_is_looked_at_again(write, look, counted):
    pictures = {name: scene(seed) for seed, name in enumerate("abcd")}
    first = look(write(**pictures))
    assert sorted(counted) == ["a.png", "b.png", "c.png", "d.png"]
    counted.clear()
    again = look(write(**pictures | {"b": scene(9)}))
    assert counted == ["b.png"]
    assert [again[n] == first[n] for n in range(4)] == [True, False, True, True]
    counted.clear()
    look(write(), resolution=128)
    assert len(counted) == 4


def test_what_was_seen_is_kept_when_the_work_is_stopped(write, tmp_path, counted):
    dataset = write(**{name: scene(seed) for seed, name in enumerate("abcdef")})
    told = []

    def stop(name):
        told.append(name)
        if len(told) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Looks(tmp_path / "looks", 256).of(dataset.records, stop)
    counted.clear()
    Looks(tmp_path / "looks", 256).of(dataset.records)
    assert len(counted) < 6


@pytest.mark.parametrize("damage", ["{", "[]", '{"%s": {}}', '{"%s": {"problem": "", "print": 1}}'])
def test_a_damaged_file_of_looks_is_made_again(damage, write, look, tmp_path):
    dataset = write(a=scene(1))
    first = look(dataset)
    (file,) = (tmp_path / "looks").rglob("*.json")
    file.write_text(damage.replace("%s", first[0].content), encoding="utf-8")
    assert look(dataset) == first
    assert first[0].content in json.loads(file.read_text(encoding="utf-8"))


def test_a_look_comes_back_as_it_was(write, look):
    one = look(write(a=scene(1)))[0]
    assert look_from(one.content, json.loads(json.dumps(one.kept()))) == one


def test_numbers_that_are_none_are_refused(write, look):
    kept = look(write(a=scene(1)))[0].kept()
    kept["measures"]["noise"] = float("nan")
    with pytest.raises(ValueError, match="damaged"):
        look_from("x", kept)


def test_a_file_that_is_gone_is_told_and_not_kept(write, look, tmp_path):
    dataset = write(a=scene(1), b=scene(2))
    dataset.records[0].path.unlink()
    found = look(dataset)
    assert "gone" in found[0].problem and found[1].measures
    assert len(list((tmp_path / "looks").rglob("*.json"))) == 1


def test_a_large_jpeg_is_decoded_small(tmp_path):
    scene(1, 1600, 1200).save(tmp_path / "a.jpg", quality=95)
    small = decoded(tmp_path / "a.jpg", 256)
    assert small.size == (296, 222)
    whole = open_rgb(tmp_path / "a.jpg").resize(small.size, Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(small, float) - np.asarray(whole, float)).mean() < 4


def test_transparency_is_white_and_orientation_is_undone(tmp_path):
    clear = Image.new("RGBA", (64, 32), (255, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    clear.save(tmp_path / "a.png", exif=exif)
    seen = decoded(tmp_path / "a.png", 256)
    assert seen.size == (32, 64) and seen.getpixel((3, 3)) == (255, 255, 255)


def test_the_hash_hardly_changes_with_size_and_quality_and_does_with_the_picture():
    one, other = scene(1), scene(2)
    same = jpeg(one.resize((200, 160)), 60)
    assert bin(perceptual_hash(one) ^ perceptual_hash(same)).count("1") <= 6
    assert bin(perceptual_hash(one) ^ perceptual_hash(other)).count("1") > 14


def made(number, bits, small):
    return Look(f"{number:064x}", "", None, bits, small.astype(np.uint8).tobytes())


def test_pairs_are_all_those_and_only_those_within_both_limits():
    dice = np.random.default_rng(0)
    small = dice.integers(0, 256, (300, 16, 16, 3))
    bits = [int(one) for one in dice.integers(0, 2**63, 300)]
    for number in range(0, 40, 2):  # nearly the same small picture; hashes 0 to 19 bits apart
        small[number + 1] = small[number]
        bits[number + 1] = bits[number] ^ ((1 << number // 2) - 1)
    found = near([made(n, bits[n], small[n]) for n in range(300)], 0.88)
    pairs = sorted(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert pairs == [(number, number + 1) for number in range(0, 30, 2)]


def test_a_mirrored_copy_is_found_where_an_encoder_finds_it_near():
    dice = np.random.default_rng(2)
    small = dice.integers(0, 256, (60, 16, 16, 3))
    bits = [int(one) for one in dice.integers(0, 2**63, 60)]
    small[50] = small[7][:, ::-1]
    vectors = dice.standard_normal((60, 8)).astype(np.float32)
    vectors[50] = vectors[7] + 0.01
    looks = [made(n, bits[n], small[n]) for n in range(60)]
    assert len(near(looks, 0.88).first) == 0
    found = near(looks, 0.88, [Embedded("test", np.arange(60), vectors)])
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == {(7, 50)}
    without = [number for number in range(60) if number != 7]
    some = Embedded("test", np.array(without), vectors[without])
    assert len(near(looks, 0.88, [some]).first) == 0


def test_copies_in_blocks_far_apart_are_found_and_groups_are_whole():
    dice = np.random.default_rng(1)
    small = dice.integers(0, 256, (1500, 16, 16, 3))
    bits = [int(one) for one in dice.integers(0, 2**63, 1500)]
    for twin in (1100, 1499):
        small[twin], bits[twin] = small[3], bits[3]
    looks = [made(n, bits[n], small[n]) for n in range(1500)]
    looks[700] = looks[5]
    label = groups(1500, near(looks, 0.95))
    assert label[3] == label[1100] == label[1499] and label[5] == label[700]
    assert len(set(label.tolist())) == 1497
