"""Which pictures did it: a short run on the demo base, asked about its pictures."""

import shutil
from typing import Any

import pytest
import torch

from atelier.nodes.influence import WhichPictures
from atelier.training.config import make_config
from atelier.training.host.folders import records
from atelier.training.host.mode import training_mode
from atelier.training.host.progress import Interrupted, Progress
from atelier.training.influence import findings
from atelier.training.influence.gradients import Gradients
from atelier.training.influence.projection import Projection
from atelier.training.prepare import DATASET, prepare
from atelier.training.session import Session

from .trained import same, state, train, wired


@pytest.fixture
def trained(base, wires):
    """A run of four pictures, and its wires with the same ones held out."""
    held = wired(base, wires.dataset, held_out=wires.dataset)
    return held, train(wires, steps=4, save_every=2, validate_every=0)


def ask(whole, run, **more) -> Any:
    with torch.inference_mode():  # as ComfyUI runs nodes
        return WhichPictures.execute(
            run, whole.model, whole.clip, whole.vae, whole.dataset, 2, 5, whole.held_out, **more
        )


def test_influence_is_the_inner_product_of_plain_gradients(trained):
    """Against autograd alone: the loss of a flow, written down here, and no projection."""
    whole, run = trained
    config, asked = make_config(**run.asked()["config"]), run.asked()
    with torch.inference_mode():
        prepared = prepare(whole, config, asked["clip"], asked["vae"], Progress(1))
        with training_mode(), Session.open(run, whole, config, prepared) as session:
            examples = list(session.pictures[DATASET])[:3]
            denoiser, parameters = session.denoiser, session.state.adapter.parameters()
            whole_size = sum(parameter.numel() for parameter in parameters)
            exact = Gradients(session, Projection(whole_size), 3)
            short = Gradients(session, Projection(8192), 3)
            plain = []
            for example in examples:
                losses = []
                for number, time in enumerate(exact.times):
                    dice = session.task.seeded("influence", 1 + number)
                    noise = torch.randn(example.latent.shape, generator=dice, device=dice.device)
                    moment = noise.new_tensor([time * denoiser.sampling.multiplier])
                    sigma = denoiser.sampling.sigma(moment)
                    x_t = (1 - sigma) * example.latent + sigma * noise
                    found = denoiser.predict(x_t, sigma, [example.conditioning])
                    losses.append((found - (noise - example.latent)).square().mean())
                gradient = torch.autograd.grad(torch.stack(losses).mean(), parameters)
                plain.append(torch.cat([part.flatten() for part in gradient]))
            made = [torch.stack([of.of(example) for example in examples]) for of in (exact, short)]
    dense = torch.stack(plain).cpu()
    wanted = dense @ dense.T
    assert torch.allclose(made[0] @ made[0].T, wanted, rtol=1e-3, atol=1e-4 * wanted.max().item())
    lengths = dense.norm(dim=1)
    error = (made[1] @ made[1].T - wanted).abs() / (lengths[:, None] * lengths)
    assert made[1].shape == (3, 8192) and error.max() < 5 * (2 / 8192) ** 0.5


def test_the_node_tells_marks_and_parts_the_pictures_and_changes_nothing(trained, monkeypatch):
    whole, run = trained
    before, log = state(whole), run.logged()
    picture = torch.rand(1, 128, 128, 3, generator=torch.Generator().manual_seed(0))
    told = ask(whole, run, output=picture, prompt="a person")
    kept, suspects, text, sheet = told.result
    assert same(before, state(whole)) and run.logged() == log
    assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()
    found = findings.read(run.folder)
    assert (found["checkpoints"], found["held_out"], found["outputs"]) == ([0, 2, 4], 4, 1)
    names = [record.path.name for record in whole.dataset.records]
    assert sorted(one["name"] for one in found["pictures"]) == names
    assert sum(one["share"] for one in found["pictures"]) == pytest.approx(1, abs=1e-3)
    assert all(one["influence"] > 0 for one in found["pictures"])  # each is held out itself
    assert {*kept.records, *suspects.records} == {*whole.dataset.records}
    assert names[0] in text and sheet[0].ndim == 4
    assert told.ui["atelier_review"][0]["filter"] == "flag:influence"
    assert told.ui["atelier_review"][0]["folder"] == str(whole.dataset.records[0].path.parent)
    assert findings.marks(records()).keys() <= {r.content for r in whole.dataset.records}
    monkeypatch.setattr(Session, "open", None)  # what was asked before is not measured again
    assert ask(whole, run, output=picture, prompt="a person").result[2] == text


def test_what_was_cancelled_goes_on_at_the_next_checkpoint(trained, monkeypatch):
    whole, run = trained
    seen, real = [], Gradients.of

    def counted(self, example):
        seen.append(example.path.name)
        if len(seen) == 10:  # of the second checkpoint; each has eight
            raise Interrupted
        return real(self, example)

    monkeypatch.setattr(Gradients, "of", counted)
    before = state(whole)
    with pytest.raises(Interrupted):
        ask(whole, run)
    assert same(before, state(whole)) and not findings.read(run.folder)
    assert len(list((run.folder / "influence").iterdir())) == 1
    ask(whole, run)
    assert len(seen) == 10 + 2 * 8
    assert findings.read(run.folder)["checkpoints"] == [0, 2, 4]


def test_other_pictures_and_an_untrained_run_are_refused(trained, base):
    whole, run = trained
    others = wired(base, whole.dataset.flagged("class"), held_out=whole.held_out)
    with pytest.raises(
        ValueError, match="is not what the run run was made from:\n- dataset: 4 removed"
    ):
        ask(others, run)
    with pytest.raises(ValueError, match="write its prompt"):
        ask(whole, run, output=torch.zeros(1, 64, 64, 3))
    shutil.rmtree(run.checkpoints)
    with pytest.raises(ValueError, match="has no checkpoint"):
        ask(whole, run)
