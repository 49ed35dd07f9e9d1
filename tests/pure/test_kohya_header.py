"""What kohya's part of a LoRA's header says of bases, settings and adapters."""

import json
from types import SimpleNamespace

import pytest

from atelier.training.adapters.patterns import Size
from atelier.training.config import make_config
from atelier.training.kohya_header import base_names, network_header, settings_header

ALWAYS = {
    "ss_learning_rate": "0.0001",
    "ss_unet_lr": "0.0001",
    "ss_lr_scheduler": "cosine",
    "ss_optimizer": "adamw",
    "ss_max_train_steps": "400",
    "ss_batch_size_per_device": "1",
    "ss_gradient_accumulation_steps": "1",
    "ss_total_batch_size": "1",
    "ss_max_grad_norm": "1.0",
    "ss_resolution": "(1024, 1024)",
    "ss_enable_bucket": "True",
    "ss_loss_type": "l2",
    "ss_seed": "0",
}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, {}),
        ({"seed": 7, "batch_size": 2, "accumulation": 3},
         {"ss_seed": "7", "ss_batch_size_per_device": "2", "ss_gradient_accumulation_steps": "3",
          "ss_total_batch_size": "6"}),
        ({"text_encoders": "clip", "text_rate": 1e-5}, {"ss_text_encoder_lr": "1e-05"}),
        ({"loss": "huber", "huber_delta": 0.2, "huber_schedule": "snr"},
         {"ss_loss_type": "huber", "ss_huber_c": "0.2", "ss_huber_schedule": "snr"}),
        ({"weighting": "min_snr"}, {"ss_min_snr_gamma": "5.0"}),
        ({"weighting": "debiased"}, {"ss_debiased_estimation": "True"}),
        ({"multires_noise": 6, "noise_offset": 0.05, "input_perturbation": 0.1},
         {"ss_multires_noise_iterations": "6", "ss_multires_noise_discount": "0.3",
          "ss_noise_offset": "0.05", "ss_ip_noise_gamma": "0.1"}),
        ({"flip": True, "shuffle_tags": True, "keep_tags": 1, "tag_dropout": 0.1,
          "caption_dropout": 0.05, "masked": True, "dropout": 0.2, "warmup": 10},
         {"ss_flip_aug": "True", "ss_shuffle_caption": "True", "ss_keep_tokens": "1",
          "ss_caption_tag_dropout_rate": "0.1", "ss_caption_dropout_rate": "0.05",
          "ss_masked_loss": "True", "ss_network_dropout": "0.2", "ss_lr_warmup_steps": "10"}),
    ],
)  # fmt: skip
def test_settings_that_are_on_are_told_by_kohyas_names(asked, told):
    assert settings_header(make_config(**asked)) == ALWAYS | told


def test_a_network_that_does_not_learn_has_no_rate():
    config = make_config(train_network=False, text_encoders="clip")
    assert "ss_unet_lr" not in settings_header(config)


@pytest.mark.parametrize(
    ("asked", "module", "arguments"),
    [
        ({}, "networks.lora", None),
        ({"rank_stabilized": True}, "networks.lora", {"rs_lora": True}),
        ({"adapter": "dora"}, "lycoris.kohya", {"algo": "lora", "dora_wd": True}),
        ({"adapter": "loha"}, "lycoris.kohya", {"algo": "loha"}),
        ({"adapter": "lokr", "lokr_factor": 8}, "lycoris.kohya", {"algo": "lokr", "factor": 8}),
    ],
)
def test_the_adapter_is_told_as_kohya_and_lycoris_do(asked, module, arguments):
    config = make_config(**asked)
    sizes = [Size(8, 4.0), Size(16, 16.0), Size(8, 4.0)]
    found = network_header(config, config.adapter, sizes)
    assert found["ss_network_module"] == module
    assert (found["ss_network_dim"], found["ss_network_alpha"]) == ("8", "4.0")
    assert json.loads(found.get("ss_network_args", "null")) == arguments


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (6144, ("Flux.2-dev", "flux_2_dev")),
        (3072, ("Flux.2-klein-4b", "flux_2_klein_4b")),
        (4096, ("Flux.2-klein-9b", "flux_2_klein_9b")),
        (128, ("Flux.2", "")),
    ],
)
def test_a_flux_2_is_known_by_its_width_and_is_never_a_flux_1(width, names):
    class Flux2(SimpleNamespace):
        """As ComfyUI names it."""

    assert base_names(Flux2(unet_config={"hidden_size": width}), "flow") == names
