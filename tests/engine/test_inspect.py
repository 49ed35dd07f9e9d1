"""What Inspect Base tells is what a training would find."""

from collections import Counter

import pytest
import torch
from comfy.model_sampling import CONST, IMG_TO_IMG, ModelSamplingDiscreteFlow

from atelier.tests import tiny
from atelier.tests.tiny.families import FAMILIES as TRIED
from atelier.tests.tiny.stored import PRECISIONS
from atelier.tests.tiny.text_forms import FORMS, small
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.families import FAMILIES, facts
from atelier.training.host import inspect
from atelier.training.host.forward import Denoiser
from atelier.training.host.mode import training_mode
from atelier.training.host.private import load, private_copy
from atelier.training.host.text import private_text, text_sizes

MODELS = {"sd3": tiny.sd3, "sd15": tiny.unet}
SETTINGS = {
    "lora": {},
    "dora": {"adapter": "dora"},
    "loha": {"adapter": "loha"},
    "lokr": {"adapter": "lokr"},
    "lokr-whole": {"adapter": "lokr", "rank": 512},
    "lokr-factor": {"adapter": "lokr", "lokr_factor": 4},
    "patterns": {"include": "attn", "exclude": "to_v", "ranks": "attn2|proj = 3 / 1"},
}


@pytest.fixture(scope="module", params=MODELS)
def wired(request):
    return MODELS[request.param]()


@pytest.mark.parametrize("targets", ["attention_mlp", "all_linear", "all"])
@pytest.mark.parametrize("name", SETTINGS)
def test_layers_and_parameters_are_those_of_the_adapter(wired, name, targets):
    config = make_config(**{"rank": 4, "targets": targets} | SETTINGS[name])
    dice = torch.get_rng_state()
    told = inspect.inspect_adapter(wired, config)
    assert torch.equal(dice, torch.get_rng_state())
    with training_mode(), private_copy(wired) as private:
        family = type(private.model).__name__
        adapter = Adapter(private.model.diffusion_model, config, family)
        assert told.sizes == adapter.sizes
        assert told.parameters == sum(parameter.numel() for parameter in adapter.parameters())
        weights = dict(wired.model.diffusion_model.named_parameters())
        assert told.shapes == {
            layer: tuple(weights[f"{layer}.weight"].shape) for layer in told.sizes
        }


@pytest.mark.parametrize("name", TRIED)
def test_the_family_and_what_it_predicts(name):
    family = TRIED[name]
    wired = family.make()
    base = inspect.inspect_base(wired)
    told = facts(base.family)
    assert (base.family in FAMILIES) == (family.known_as is not None)
    assert base.family == (family.known_as or family.config)
    assert (base.prediction, base.refusal) == (family.prediction, "")
    with training_mode(), private_copy(wired) as private:
        assert Denoiser(private, load(private)).prediction == base.prediction
    text = inspect.describe(wired, make_config(rank=2))
    assert f"Family: {told.name} (" in text
    assert f"Prediction: {family.prediction}\n" in text
    assert "Can be trained here: yes" in text
    assert told.licence in text


@pytest.mark.parametrize("precision", PRECISIONS)
def test_stored_precisions_are_counted(precision):
    stored = PRECISIONS[precision]
    wired = stored.load(tiny.sd3)
    plain = sum(p.numel() for p in tiny.sd3().model.diffusion_model.parameters())
    base = inspect.inspect_base(wired)
    assert abs(sum(base.stored.values()) - plain) <= 1000  # and the scales of scaled fp8
    assert max(base.stored, key=Counter(base.stored).__getitem__) == {
        "fp16": "fp16",
        "bf16": "bf16",
        "gguf": "uint8",
    }.get(precision, "fp8_e4m3fn")
    width = {"fp16": 2, "bf16": 2}.get(precision, 1)
    assert width * 0.99 < base.size / plain < width * 1.3
    config = make_config(rank=2)
    told = inspect.inspect_adapter(wired, config)
    with training_mode(), private_copy(wired) as private:
        adapter = Adapter(private.model.diffusion_model, config)
        assert told.parameters == sum(parameter.numel() for parameter in adapter.parameters())


def test_a_shift_or_prediction_from_a_node_is_seen():
    wired = tiny.unet().clone()

    class Flow(ModelSamplingDiscreteFlow, CONST):
        pass

    wired.add_object_patch("model_sampling", Flow(wired.model.model_config))
    assert inspect.prediction_of(wired) == "flow"


def test_what_cannot_be_trained_is_told_and_not_raised():
    control = tiny.flux(channels=32)
    text = inspect.describe(control, make_config(rank=2))
    assert "Can be trained here: no. The MODEL is a Flux control model" in text

    class Picture(ModelSamplingDiscreteFlow, IMG_TO_IMG):
        pass

    wired = tiny.sd3().clone()
    wired.add_object_patch("model_sampling", Picture(wired.model.model_config))
    base = inspect.inspect_base(wired)
    assert base.prediction is None and "predicts in a way" in base.refusal
    with pytest.raises(ValueError, match="predicts in a way"):
        inspect.prediction_of(wired)


def test_the_matched_layers_are_listed_and_the_rest_counted(monkeypatch):
    wired = tiny.unet()
    config = make_config(targets="all", rank=2)
    layers = list(inspect.inspect_adapter(wired, config).sizes)
    monkeypatch.setattr(inspect, "SHOWN", 3)
    text = inspect.describe(wired, config)
    assert all(f"  {name}  " in text for name in layers[:3])
    assert layers[3] not in text and text.endswith(f"… and {len(layers) - 3} more")


def test_settings_that_fit_no_layer_are_told():
    text = inspect.describe(tiny.sd3(), make_config(include="nothing_like_it"))
    assert "Adapter: none with these settings. This model has no layer" in text
    assert "include 'nothing_like_it'" in text


SEVERAL = ("sdxl", "hunyuan-dit", "qwen-image", "lens")


@pytest.mark.parametrize("name", [name for name in SEVERAL if name in FORMS])
def test_layers_of_text_encoders_are_those_that_learn(name):
    clip = small(FORMS[name])
    config = make_config(text_encoders=FORMS[name].which, text_rank=3)
    told = inspect.inspect_text(clip, config)
    with training_mode(), private_text(clip) as private:
        sizes = text_sizes(private, config)
        adapter = Adapter(private.cond_stage_model, config, sizes=sizes)
        assert told.sizes == adapter.sizes
        assert told.parameters == sum(parameter.numel() for parameter in adapter.parameters())


def test_text_encoders_are_told_where_they_learn(wired):
    clip = small(FORMS["sdxl"])
    assert "Text encoders" not in inspect.describe(wired, make_config(), clip)
    learning = make_config(text_encoders="clip", text_rank=3)
    assert "wire clip" in inspect.describe(wired, learning)
    assert "Text encoders: lora on 36 of" in inspect.describe(wired, learning, clip)


def test_the_demos_base_is_not_taken_for_a_real_one(base):
    text = inspect.describe_base(inspect.inspect_base(base[0]))
    assert "about 128 x 128 pixels" in text and "CC0" in text
