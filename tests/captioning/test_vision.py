"""Models of transformers: tiny ones of each class, on ComfyUI's devices and by its rules."""

import json
from dataclasses import replace

import comfy.model_management as management
import pytest
import torch
from PIL import Image

from atelier.training.captioning import vision
from atelier.training.captioning.captioner import CannotCaption
from atelier.training.captioning.settings import SentenceSettings
from atelier.training.captioning.vision import KINDS, kind_of
from atelier.training.host.vision import managed, vision_captioner

from .tiny_models import MAKERS, WORDS

NOISE = [Image.effect_noise((90, 60), sigma).convert("RGB") for sigma in (10, 80, 200)]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("vlm")
    return {name: make(root / name) for name, make in MAKERS.items()}


def say(folder, pictures=NOISE, **settings):
    with vision_captioner(folder, SentenceSettings(**settings)).open() as asked:
        return [asked(picture) for picture in pictures]


def loaded():
    return [one.model.model for one in management.current_loaded_models if one.model]


@pytest.mark.parametrize("name", MAKERS)
def test_a_model_of_each_class_says_what_it_sees_and_is_gone_after(models, name):
    before = loaded()
    captioner = vision_captioner(models[name], SentenceSettings(max_tokens=8))
    with captioner.open() as asked:
        (own,) = [one for one in loaded() if one not in before]
        assert type(own.model).__name__ == KINDS[name].model
        first = [asked(picture) for picture in NOISE]
        assert asked(NOISE[0]) == first[0]
    assert loaded() == before
    assert len({said.text for said in first}) > 1
    for said in first:
        assert said.text and set(said.text.split()) <= set(WORDS)
    del own, asked


@pytest.mark.parametrize("name", MAKERS)
def test_a_caption_is_cut_at_max_tokens_and_known_to_be(models, name):
    said = say(models[name], NOISE[:2], max_tokens=2)
    assert all(one.cut and len(one.text.split()) <= 2 for one in said)


def test_the_prompt_is_what_blip_begins_with(models):
    (said,) = say(models["blip"], NOISE[:1], prompt="a photo of", max_tokens=5)
    assert said.text.startswith("a photo of ")
    (cut,) = say(models["blip"], NOISE[:1], prompt="a photo of", max_tokens=2)
    assert cut.cut and len(cut.text.split()) == 5


def test_another_question_gets_another_answer_from_a_chat_model(models):
    one = say(models["qwen2_vl"], prompt="what does it show", max_tokens=8)
    other = say(models["qwen2_vl"], prompt="a red hat in the snow", max_tokens=8)
    assert one != other


def test_florence_refuses_what_is_no_task(models):
    with pytest.raises(CannotCaption, match="has no task 'what is it'.*<DETAILED_CAPTION>"):
        say(models["florence2"], NOISE[:1], prompt="what is it")
    assert say(models["florence2"], NOISE[:1], prompt="<CAPTION>", max_tokens=8)[0].text


def test_a_seed_decides_what_is_drawn_whatever_came_before(models):
    settings = {"temperature": 1.5, "max_tokens": 10}
    first = say(models["qwen2_vl"], seed=1, **settings)
    assert say(models["qwen2_vl"], NOISE[::-1], seed=1, **settings) == first[::-1]
    assert say(models["qwen2_vl"], seed=2, **settings) != first


def test_a_cancel_is_heard_between_two_words(models, monkeypatch):
    words = 0

    class Cancelled(BaseException):
        pass

    def check():
        nonlocal words
        words += 1
        if words == 3:
            raise Cancelled

    before = loaded()
    with pytest.raises(Cancelled), managed(models["blip"]) as (seer, device):
        seer.ask(NOISE[0], SentenceSettings(max_tokens=50), device, check)
    assert words == 3
    assert loaded() == before


def test_it_works_inside_the_inference_mode_that_nodes_run_in(models):
    with torch.inference_mode():
        assert say(models["qwen2_vl"], max_tokens=8) == say(models["qwen2_vl"], max_tokens=8)


def changed(folder, tmp_path, **entries):
    other = tmp_path / "other"
    other.mkdir()
    for file in folder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    config = json.loads((other / "config.json").read_text(encoding="utf-8"))
    (other / "config.json").write_text(json.dumps(config | entries), encoding="utf-8")
    return other


def test_pickled_weights_are_never_opened(models, tmp_path):
    folder = changed(models["blip"], tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    with pytest.raises(ValueError, match=r"no \.safetensors file in .*not opened"):
        vision_captioner(folder, SentenceSettings())
    (folder / "other.safetensors").write_bytes(b"")  # which is not the model's
    with pytest.raises(ValueError, match="cannot be loaded"):
        say(folder)


def test_code_in_the_folder_is_never_run(models, tmp_path):
    folder = changed(models["blip"], tmp_path, auto_map={"AutoModel": "evil.Evil"})
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'pwned')!r}, 'w')", encoding="utf-8")
    assert say(folder, NOISE[:1], max_tokens=4)[0].text
    assert not (tmp_path / "pwned").exists()


def test_weights_that_are_missing_are_not_made_up(models, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = changed(models["florence2"], tmp_path)
    weights = load_file(folder / "model.safetensors")
    renamed = {name.replace("vision_tower", "davit"): value for name, value in weights.items()}
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="weights are not in the files.*florence-community"):
        say(folder)


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("config.json", b"{", r"config\.json cannot be read"),
        ("config.json", b'{"model_type": "llama"}', "of the type 'llama'.*qwen2_5_vl"),
        ("adapter_config.json", b"{}", "is an adapter"),
    ],
)
def test_folders_that_hold_something_else_are_refused(models, tmp_path, name, content, named):
    folder = changed(models["blip"], tmp_path)
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=named):
        vision_captioner(folder, SentenceSettings())


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_file_that_is_cut_short_is_told_with_its_folder(models, tmp_path, name):
    folder = changed(models["qwen2_vl"], tmp_path)
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="cannot be (loaded|read)"):
        say(folder)


def test_a_class_that_transformers_does_not_have_is_told(models, monkeypatch):
    older = replace(KINDS["qwen2_vl"], model="Qwen9VL")
    monkeypatch.setitem(KINDS, "qwen2_vl", older)
    with pytest.raises(ValueError, match="has no Qwen9VL"):
        say(models["qwen2_vl"])


def test_every_kind_names_classes_of_transformers():
    for kind in KINDS.values():
        assert hasattr(vision.transformers, kind.model)
        assert hasattr(vision.transformers, kind.processor)


def test_what_decides_the_caption_is_in_the_key(models, tmp_path):
    folder = changed(models["blip"], tmp_path)
    before = vision_captioner(folder, SentenceSettings()).key
    assert vision_captioner(folder, SentenceSettings()).key == before
    assert vision_captioner(folder, SentenceSettings(prompt="a")).key != before
    (folder / "tokenizer.json").write_bytes(b"{}")
    assert vision_captioner(folder, SentenceSettings()).key != before
    assert kind_of(folder) == KINDS["blip"]
