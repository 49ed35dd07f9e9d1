"""LoRA Stack and Apply Stack against ComfyUI's own loaders, and what they refuse."""

import json
import os
from typing import Any

import comfy.hooks
import comfy.lora
import comfy.sample
import folder_paths
import pytest
import torch
from nodes import LoraLoader
from safetensors.torch import load_file, save_file

from atelier.nodes.merge import MergeLoras
from atelier.nodes.stack import AddLoraToStack, ApplyStack, LoraStackNode
from atelier.tests import tiny
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.host import folders, lora_work, stack_schedule
from atelier.training.host.family import naming
from atelier.training.host.fingerprint import fingerprint
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.private import private_copy

KINDS = {
    "one": {"adapter": "lora", "rank": 4},
    "two": {"adapter": "lora", "rank": 2, "alpha": 1},
    "loha": {"adapter": "loha", "rank": 2},
    "dora": {"adapter": "dora", "rank": 2},
}
WORDS = {"modelspec.trigger_phrase": "ohwx hat, Ada"}


@pytest.fixture(scope="module")
def demo():
    from nodes import CheckpointLoaderSimple

    from atelier.demo.install import CHECKPOINT

    with torch.inference_mode():
        model, clip, _ = CheckpointLoaderSimple().load_checkpoint(CHECKPOINT)
    return model, clip


@pytest.fixture(scope="module", autouse=True)
def files(demo):
    """LoRAs of some kinds for the demo's base, the first with its text encoders."""
    model, clip = demo
    for number, (name, settings) in enumerate(KINDS.items()):
        with training_mode(), private_copy(model) as private, own_randomness(number):
            adapter = Adapter(private.model.diffusion_model, make_config(**settings))
            dice = torch.Generator().manual_seed(number)
            for parameter in adapter.parameters():
                parameter.data += 0.15 * torch.randn(parameter.shape, generator=dice)
            state = adapter.file_state(naming(private.model))
        if name == "one":
            state |= text_layers(clip)
        save_file(state, folders.loras() / f"stack-{name}.safetensors", metadata=WORDS)
    folder_paths.filename_list_cache.clear()


def text_layers(clip):
    """A LoRA on all layers of the text encoders that ComfyUI has names for."""
    dice = torch.Generator().manual_seed(9)
    weights, state = clip.cond_stage_model.state_dict(), {}
    for name, key in comfy.lora.model_lora_keys_clip(clip.cond_stage_model, {}).items():
        if name.startswith("text_encoders.") and weights[key].ndim == 2:
            rows, columns = weights[key].shape
            state[f"{name}.lora_A.weight"] = 0.1 * torch.randn(2, columns, generator=dice)
            state[f"{name}.lora_B.weight"] = 0.1 * torch.randn(rows, 2, generator=dice)
    assert state
    return state


def name(kind):
    return f"stack-{kind}.safetensors"


def rows(*some):
    return json.dumps({"version": 1, "rows": list(some)})


def stack(*some, **wired):
    return LoraStackNode.execute(rows(*some), **wired).args[0]


def apply(demo, stack, clip=True):
    model, encoder = demo
    with torch.inference_mode():
        return ApplyStack.execute(model, stack, encoder if clip else None).args


def weights(patcher):
    """Every weight that is patched, as ComfyUI computes it."""
    read = lora_work.weights_of(patcher)
    return {key: read(key) for key in patcher.patches}


def same(one, other):
    assert one.keys() == other.keys() and one
    assert all(torch.equal(one[key], other[key]) for key in one)


def natively(demo, *some) -> tuple[Any, Any]:
    """One Load LoRA after the other."""
    model, clip = demo
    with torch.inference_mode():
        for kind, by, text in some:
            model, clip = LoraLoader().load_lora(model, clip, name(kind), by, text)
    return model, clip


def test_a_stack_is_the_native_loaders_one_after_the_other(demo):
    some = [("one", 0.8, 0.3), ("loha", -1.5, 1.0), ("dora", 1.0, 0.0), ("one", 0.1, 0.2)]
    given = [{"lora": name(kind), "model": by, "text": text} for kind, by, text in some]
    off = {"on": False, "lora": name("two")}
    model, clip = apply(demo, stack(given[0], off, *given[1:], {"lora": "None"}))
    want, want_clip = natively(demo, *some)
    same(weights(model), weights(want))
    same(weights(clip.patcher), weights(want_clip.patcher))
    assert not demo[0].patches and not demo[1].patcher.patches


def test_stacks_join_in_order_with_those_of_other_packs(demo):
    first = stack({"lora": name("dora")})
    whole = stack({"lora": name("one")}, stack=first, lora_stack=[(name("loha"), 0.5, 0.25, "a")])
    assert [item.name for item in whole.items] == [name("dora"), name("loha"), name("one")]
    want, _ = natively(demo, ("dora", 1, 1), ("loha", 0.5, 0.25), ("one", 1, 1))
    same(weights(apply(demo, whole)[0]), weights(want))


def test_without_a_clip_the_model_alone_is_changed(demo):
    model, clip = apply(demo, stack({"lora": name("one")}), clip=False)
    assert clip is None
    same(weights(model), weights(natively(demo, ("one", 1, 1))[0]))


def test_an_empty_stack_changes_nothing(demo):
    model, clip = apply(demo, stack({"on": False, "lora": "gone"}))
    assert not model.patches and not clip.patcher.patches


def test_block_weights_are_a_factor_on_the_layers_they_fit(demo):
    blocks = {"*": 0.5, "joint_blocks.0": 0.0, "*.x_block.mlp": 2.0}
    row = {"lora": name("one"), "model": 0.8, "blocks": blocks}
    model, clip = apply(demo, stack(row))
    whole, half, twice = (
        weights(natively(demo, ("one", 0.8 * by, 0.8))[0]) for by in (1.0, 0.5, 2.0)
    )
    found = weights(model)
    seen = set()
    for key in whole:
        if "joint_blocks.0." in key:  # the longer one
            assert key not in found
            seen.add(0)
        elif ".x_block.mlp" in key:
            assert torch.equal(found[key], twice[key])
            seen.add(2)
        else:
            assert torch.equal(found[key], half[key])
            seen.add(1)
    assert seen == {0, 1, 2}
    same(weights(clip.patcher), weights(natively(demo, ("one", 0.8, 0.8))[1].patcher))


def test_blocks_that_are_not_there_are_named(demo):
    with pytest.raises(ValueError, match=r"stack-one.*'joint_block\.1'.*joint_blocks\.1"):
        apply(demo, stack({"lora": name("one"), "blocks": {"joint_block.1": 0}}))


@pytest.fixture(scope="module")
def prompts(demo):
    """Positive and negative, encoded by the untouched text encoders."""
    clip = demo[1]
    with torch.inference_mode():
        return [clip.encode_from_tokens_scheduled(clip.tokenize(one)) for one in ("a hat", "")]


def sample(model, prompts, start=None, end=None, latent=None, noise=True, sampler="euler"):
    """KSampler (Advanced), as core's node has it."""
    latent = torch.zeros(1, 16, 8, 8) if latent is None else latent
    dice = comfy.sample.prepare_noise(latent, 7) if noise else torch.zeros_like(latent)
    with torch.inference_mode():
        return comfy.sample.sample(
            model, dice, 6, 3.0, sampler, "simple", prompts[0], prompts[1], latent,
            start_step=start, last_step=end, disable_noise=not noise,
            force_full_denoise=end is None, disable_pbar=True, seed=7,
        )  # fmt: skip


def scheduled(demo, schedule, kind="two"):
    return apply(demo, stack({"lora": name(kind), "schedule": schedule}))[0]


def test_a_schedule_of_ones_is_no_schedule(demo, prompts):
    plain = sample(natively(demo, ("two", 1, 1))[0], prompts)
    assert torch.equal(sample(scheduled(demo, [[0, 1]]), prompts), plain)
    hooked = scheduled(demo, [[0, 1], [0.9999, 0]])  # begins behind the last step
    assert hooked.hook_patches and not hooked.patches
    assert torch.equal(sample(hooked, prompts), plain)


@pytest.mark.parametrize(("share", "step"), [(0.5, 3), (0.4, 3), (1 / 3, 2), (0.01, 1)])
def test_a_factor_of_0_switches_off_from_its_step_on(demo, prompts, share, step):
    found = sample(scheduled(demo, [[0, 1], [share, 0]]), prompts)
    half = sample(natively(demo, ("two", 1, 1))[0], prompts, end=step)
    want = sample(demo[0], prompts, start=step, latent=half, noise=False)
    assert torch.allclose(found, want, atol=1e-4)
    assert not torch.allclose(found, sample(demo[0], prompts), atol=1e-2)


def on_conditions(prompts, kind, *frames):
    """`prompts` with core's own hooks: share of the noise schedule and factor."""
    group = comfy.hooks.create_hook_lora(load_file(folders.loras() / name(kind)), 1.0, 0.0)
    times = comfy.hooks.HookKeyframeGroup()
    for share, by in frames:
        times.add(comfy.hooks.HookKeyframe(by, share, guarantee_steps=0))
    if frames:
        group.set_keyframes_on_hooks(times)
    return comfy.hooks.set_conds_props(prompts, 1.0, "default", hooks=group)


# The scheduler's steps are even in core's shares; a little before a step is at the step.
FRAMES = [[0, 0.5], [0.32, 1], [0.65, -0.3]]
SHARES = [[0, 0.5], [1 / 3, 1], [2 / 3, -0.3]]


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "heun"])
def test_a_schedule_is_what_cores_hooks_on_conditions_do(demo, prompts, sampler):
    found = sample(scheduled(demo, SHARES), prompts, sampler=sampler)
    want = sample(demo[0], on_conditions(prompts, "two", *FRAMES), sampler=sampler)
    assert torch.equal(found, want)


def test_schedules_go_with_hooks_on_conditions_and_with_one_another(demo, prompts):
    hooked = on_conditions(prompts, "one")
    found = sample(scheduled(demo, SHARES), hooked)
    want = sample(demo[0], on_conditions(hooked, "two", *FRAMES))
    assert torch.equal(found, want)
    twice = apply((scheduled(demo, SHARES), None), stack(late("loha")), clip=False)[0]
    both = apply(demo, stack({"lora": name("two"), "schedule": SHARES}, late("loha")))[0]
    assert torch.allclose(sample(twice, prompts), sample(both, prompts), atol=1e-5)
    assert not torch.allclose(sample(both, prompts), found, atol=1e-2)


def late(kind):
    return {"lora": name(kind), "schedule": [[0, 0], [0.5, 1]]}


def test_block_weights_and_schedules_go_together(demo, prompts):
    row = {"lora": name("two"), "blocks": {"*": 0.0}, "schedule": SHARES}
    assert torch.equal(sample(apply(demo, stack(row))[0], prompts), sample(demo[0], prompts))
    half = sample(apply(demo, stack(row | {"blocks": {"*": 0.5}}))[0], prompts)
    shares = [[share, by / 2] for share, by in SHARES]
    assert torch.allclose(half, sample(scheduled(demo, shares), prompts), atol=1e-5)


def test_after_sampling_the_base_is_what_it_was(demo, prompts):
    before = {key: value.clone() for key, value in demo[0].model.state_dict().items()}
    mark = fingerprint(demo[0])
    model = scheduled(demo, SHARES)
    first = sample(model, prompts)
    same(demo[0].model.state_dict(), before)
    assert fingerprint(demo[0]) == mark
    assert torch.equal(sample(model, prompts), first)  # and the clone samples as before


def test_a_schedule_is_nothing_to_train_on(demo):
    model = scheduled(demo, SHARES)
    with (
        pytest.raises(ValueError, match="schedule"),
        training_mode(),
        private_copy(model),
    ):
        raise AssertionError("was copied")


def test_schedules_differ_by_fingerprint(demo):
    marks = {fingerprint(demo[0]), fingerprint(natively(demo, ("two", 1, 1))[0])}
    marks |= {fingerprint(scheduled(demo, one)) for one in (SHARES, [[0, 1], [0.5, 0]])}
    assert len(marks) == 4
    assert fingerprint(scheduled(demo, SHARES)) in marks


def test_a_model_whose_weights_are_moved_takes_hooks_in_its_other_form(demo):
    """DynamicVRAM of ComfyUI 0.33; its patcher refuses hooks. Stood in for on a CPU."""

    class Moving:
        def is_dynamic(self):
            return True

        def get_non_dynamic_delegate(self):
            return demo[0]

    moving: Any = Moving()
    assert stack_schedule.hookable(moving) is demo[0]
    if not getattr(demo[0], "is_dynamic", bool)():
        assert stack_schedule.hookable(demo[0]) is demo[0]


def test_a_lora_that_is_no_file_is_a_row(demo, prompts):
    state = load_file(folders.loras() / name("one"))
    first = AddLoraToStack.execute(state, 0.7, 0.2).args[0]
    whole = stack({"lora": name("two")}, stack=first)
    model, clip = apply(demo, whole)
    want, want_clip = natively(demo, ("one", 0.7, 0.2), ("two", 1, 1))
    same(weights(model), weights(want))
    same(weights(clip.patcher), weights(want_clip.patcher))
    more = AddLoraToStack.execute(
        state, 1.0, 1.0, '{"joint_blocks.0": 0.5}', "[[0, 1], [0.5, 0]]", whole
    ).args[0]
    assert [item.name for item in more.items] == ["wired LoRA 1", name("two"), "wired LoRA 2"]
    assert more.items[2].blocks == {"joint_blocks.0": 0.5}
    assert apply(demo, more)[0].hook_patches


@pytest.mark.parametrize(
    ("blocks", "schedule", "words"),
    [("{", "", "blocks is no JSON"), ("", "[[0.5, 1]]", "schedule"), ("[1]", "", "blocks")],
)
def test_a_wired_loras_settings_are_checked(blocks, schedule, words):
    with pytest.raises(ValueError, match=words):
        AddLoraToStack.execute({"a": torch.zeros(1)}, 1.0, 1.0, blocks, schedule)


def test_a_wire_without_a_lora_is_refused():
    with pytest.raises(ValueError, match="no LoRA"):
        AddLoraToStack.execute({}, 1.0, 1.0)


@pytest.fixture
def bad(files):
    """Files that are no use."""
    folder, state = folders.loras(), load_file(folders.loras() / name("two"))
    key = next(one for one in state if one.endswith("lora_A.weight"))
    made = {
        "nan": state | {key: torch.full_like(state[key], torch.nan)},
        "narrow": {
            one: value[:, :-1] if "lora_A" in one else value for one, value in state.items()
        },
        "half": {one: value for one, value in state.items() if "lora_B" not in one},
        "text": text_only(load_file(folder / name("one"))),
        "strange": {"unknown.lora_A.weight": torch.zeros(1, 1)},
    }
    for one, tensors in made.items():
        save_file(
            {name: value.contiguous() for name, value in tensors.items()},
            folder / name(one),
            metadata={"modelspec.architecture": "flux-1-dev/lora"},
        )
    (folder / name("cut")).write_bytes((folder / name("two")).read_bytes()[:-9])
    (folder / "stack-pickle.pt").write_bytes(b"cos\nsystem\n")
    folder_paths.filename_list_cache.clear()


def text_only(state):
    return {key: value for key, value in state.items() if key.startswith("text_encoders.")}


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (name("tow"), r"There is no LoRA 'stack-tow.*nearest.*stack-two"),
        ("../../etc/passwd", "There is no LoRA"),
        ("/etc/passwd", "There is no LoRA"),
        ("C:\\Windows\\win.ini", "There is no LoRA"),
        ("stack-pickle.pt", "not a .safetensors"),
        (name("cut"), "stack-cut.*damaged"),
        (name("nan"), "stack-nan.*no numbers"),
        (name("narrow"), r"stack-narrow.*another model \(flux-1-dev/lora\).*SD3.*sizes"),
        (name("strange"), "stack-strange.*another model.*no place for unknown"),
        (name("half"), "stack-half.*(damaged|another model)"),
    ],
)
def test_a_file_of_no_use_is_named(demo, bad, file, words):
    with pytest.raises(ValueError, match=words):
        apply(demo, stack({"lora": file}))


def test_a_lora_for_the_text_encoders_needs_them(demo, bad):
    with pytest.raises(ValueError, match="stack-text.*wire clip"):
        apply(demo, stack({"lora": name("text")}), clip=False)
    model, clip = apply(demo, stack({"lora": name("text")}))
    assert not model.patches and clip.patcher.patches


def test_a_lora_of_another_family_is_refused(demo):
    with pytest.raises(ValueError, match=r"stack-two.*another model.*Flux"):
        apply((tiny.flux(), None), stack({"lora": name("two")}), clip=False)


def test_what_other_packs_cannot_hold_stops_only_those_who_use_it():
    fits = LoraStackNode.execute(rows({"lora": name("one"), "text": 0.5})).args
    assert fits[1] == [(name("one"), 1, 0.5)]
    assert fits[2] == "ohwx hat, Ada"
    for more in ({"blocks": {"*": 1}}, {"schedule": [[0, 1]]}):
        whole, plain, _ = LoraStackNode.execute(rows({"lora": name("one")} | more)).args
        assert len(whole.items) == 1
        with pytest.raises(ValueError, match="stack-one.*cannot hold"):
            list(plain)
    wired = AddLoraToStack.execute(load_file(folders.loras() / name("one")), 1.0, 1.0).args[0]
    plain = LoraStackNode.execute(rows(), stack=wired).args[1]
    with pytest.raises(ValueError, match="save it first"):
        list(plain)


def test_rows_of_other_packs_are_rows(demo):
    given = json.dumps([{"name": "stack-one", "strength": 0.5, "active": True}])
    whole = LoraStackNode.execute(given).args[0]
    assert [item.name for item in whole.items] == [name("one")]
    same(weights(apply(demo, whole)[0]), weights(natively(demo, ("one", 0.5, 0.5))[0]))


def test_a_changed_file_is_noticed():
    given = {"rows": rows({"lora": name("one")}, {"lora": "gone"}, {"on": False, "lora": "x"})}
    before = LoraStackNode.fingerprint_inputs(**given)
    assert before == LoraStackNode.fingerprint_inputs(**given) and len(before) == 2
    os.utime(folders.loras() / name("one"), (1, 1))
    assert LoraStackNode.fingerprint_inputs(**given) != before
    for odd in ({"rows": None}, {"rows": "{"}, {}):
        assert LoraStackNode.fingerprint_inputs(**odd) == []


def test_merge_takes_a_stack():
    how = {"method": "linear", "rank": 0, "density": 0.5, "window": 0.2, "seed": 0}
    how |= {"filename_prefix": "stack/merged", "precision": "fp32"}
    both = stack({"lora": name("one"), "model": 0.5}, {"lora": name("two")})
    merged, _ = MergeLoras.execute(**how, stack=both).args
    recipe = json.loads(lora_work.open_lora(merged).metadata["atelier.merge"])["loras"]
    assert [(row["name"], row["strength_model"]) for row in recipe] == [
        (name("one"), 0.5),
        (name("two"), 1.0),
    ]
    with pytest.raises(ValueError, match="stack-one.*block"):
        MergeLoras.execute(**how, stack=stack({"lora": name("one"), "blocks": {"*": 1}}))


def test_the_change_is_seen_by_the_sampler(demo, prompts):
    """That the LoRAs here do something, or nothing above would mean much."""
    plain = sample(demo[0], prompts)
    for kind in KINDS:
        assert not torch.allclose(
            sample(natively(demo, (kind, 1, 0))[0], prompts), plain, atol=1e-2
        )
