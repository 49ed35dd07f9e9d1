"""One sitting of a run: the private model with its adapter, from the last checkpoint to the end."""

import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch.amp.grad_scaler import GradScaler

from . import checkpoint, run_loras
from .adapters.adapter import Adapter
from .adapters.keys import Naming, TextNaming
from .adapters.together import Together
from .config import TrainConfig
from .examples import Pictures
from .fitting import follow, load_first, plan_for
from .host import folders, graph
from .host.compiled import many_variants, refuse_uncompilable
from .host.family import blocks_of, naming
from .host.forward import Denoiser
from .host.lora_file import start_from, start_text
from .host.mode import own_randomness
from .host.precision import Precision, compute_in
from .host.private import collect, load, private_copy
from .host.progress import Progress
from .host.running import Running, taken
from .host.text import (
    encode_with_gradient,
    load_text,
    private_text,
    text_naming,
    text_sizes,
)
from .host.wires import CLIP, ModelPatcher
from .host.words import start_words
from .kohya_header import network_header
from .loop import Stream, finished_early, train
from .memory_error import is_out_of_memory
from .metadata import hashes, lora_metadata, thumbnail, word_metadata
from .optimizers import make_optimizer
from .plan import Plan
from .prepare import CLASS, DATASET, HELD_OUT, Prepared, Wires, shown
from .run import Run
from .samples import Samples
from .save import save_now
from .schedule import make_schedule
from .state import State, running_mean
from .task import Task


@dataclass
class Session:
    """Everything that a training needs, while the private model is there."""

    run: Run
    wires: Wires
    config: TrainConfig
    private: ModelPatcher
    denoiser: Denoiser
    plan: Plan
    task: Task
    state: State
    streams: list[Stream]
    names: Naming
    text_names: TextNaming | None
    pictures: dict[str, Pictures]
    samples: Samples
    asked: Running

    @classmethod
    @contextmanager
    def open(
        cls, run: Run, wires: Wires, config: TrainConfig, prepared: Prepared, anew: bool = False
    ) -> Iterator["Session"]:
        """Load what is trained, as the run's last checkpoint left it. Inside `training_mode`.

        `anew`, it is as it was before the first step, and the run's log is left alone.
        """
        if config.compile:
            refuse_uncompilable(wires.model.load_device)
        with (
            many_variants() if config.compile else nullcontext(),
            private_copy(wires.model) as private,
            private_text(wires.clip) if config.encodes else nullcontext() as text,
        ):
            names = naming(private.model)  # before the adapters: they rename the layers
            text_names = text_naming(text, own_words=names.res_blocks > 0) if text else None
            adapter = _adapter(private, text, wires, config)
            device = load_first(run, private, config, prepared)
            denoiser = Denoiser(private, device)
            precision = compute_in(config.compute, denoiser, adapter.network)
            if text:
                load_text(text)
            encode = partial(encode_with_gradient, text, words=config.words) if text else None
            pictures = {
                what: Pictures(encoded, denoiser, config, encode)
                for what, encoded in prepared.sets.items()
            }
            state = _state(adapter, config, GradScaler(device.type, enabled=precision.overflows))
            text_trees = [text.cond_stage_model] if text else []
            if config.dropout:
                state.trees = (private.model.diffusion_model, *text_trees)
            if not anew:
                if before := checkpoint.newest(run.checkpoints):
                    state.load(before)
                run.forget_after(state.step)  # what a crash left in the log behind the checkpoint
                run_loras.forget_after(run, state.step)
            task = _task(denoiser, config, adapter, precision)
            with own_randomness(config.seed):  # a trained text encoder may drop out too
                plan = plan_for(run, private, task, adapter, pictures[DATASET], text_trees)
            follow(plan, private, pictures.values())
            yield cls(
                run,
                wires,
                config,
                private,
                denoiser,
                plan,
                task,
                state,
                _streams(pictures, prepared, config),
                names,
                text_names,
                pictures,
                Samples(
                    encode or (lambda prompt: prepared.prompts[prompt].load()),
                    wires.vae,
                    folders.samples(run.name),
                    config,
                    shown(wires, config),
                    run.begun(),
                    graph.texts(run.kept_graph()),
                ),
                Running(run.name, ""),
            )

    def train(self, progress: Progress, asked: Running | None = None) -> None:
        """Train to the end, or until `asked` to stop, and write what was learned.

        On an exception too, what was learned up to the last whole step is written.
        """
        if asked:
            self.asked = asked
        asked = self.asked
        asked.step = self.state.step
        saving = False
        progress.begin(self.state.step)
        progress.update(self.state.step, self.plan.text())
        if self.samples.missing(self.state.step):
            self._sample(self.state.step, progress)
        self._keep_step(self.state.step)  # where a crash came between the checkpoint and its LoRA

        def watch(step: int, loss: float | None) -> None:
            nonlocal saving
            asked.step = step
            text = f"Step {step} of {self.config.steps}" + (f", loss {loss:.4f}" if loss else "")
            progress.update(step, text if loss or step == self.config.steps else "")
            if step == 1 and self.state.unreached:
                self._tell(_of_unreached(self.state.unreached), step, progress)
            if saving:
                saving = False
                self._save_now(step, progress)
            if self.samples.due(step):
                self._sample(step, progress)
            elif taken(asked.sample):
                self._sample(step, progress, now=True)
            self._keep_step(step)

        def save() -> bool:
            nonlocal saving
            saving = taken(asked.save)
            return saving

        held_out = self.pictures.get(HELD_OUT, ())
        try:
            train(
                self.state,
                self.task,
                self.streams,
                held_out,
                self.config,
                self.run,
                watch,
                asked.stop.is_set,
                save,
            )
        finally:
            if self.state.whole and self.state.step:
                self._keep()
        if self.state.step >= self.config.steps or finished_early(self.state, self.config):
            self.run.finish()
        else:
            self.run.stopped(self.state.step)
            progress.update(self.state.step, f"Stopped at step {self.state.step}: kept.")

    def _sample(self, step: int, progress: Progress, now: bool = False) -> None:
        """Draw the pictures of `step`. Where there is no memory for them the training goes on and
        says so; what the page asks for `now` may fail in any other way too."""
        try:
            with self.state.judged(), self.task.precision.autocast(self.denoiser.device):
                self.samples.draw(step, self.private, self.denoiser)
        except (RuntimeError, MemoryError, ValueError) as error:
            full = is_out_of_memory(error)
            if not full and not (now and isinstance(error, ValueError)):
                raise
            reason = "there is not enough memory to draw them." if full else str(error)
            traceback.clear_frames(error.__traceback__)
        else:
            text = f"Samples of step {step} are drawn."
            progress.update(step, text)
            if now:
                self.asked.note = text
            return
        self._tell(f"No samples at step {step}: {reason}", step, progress)
        logging.warning("%s: no samples at step %d: %s", self.run.name, step, reason)
        collect()
        load(self.private)

    def _save_now(self, step: int, progress: Progress) -> None:
        """What is learned so far as a LoRA file of its own, beside the checkpoint of the loop."""
        with self.state.judged():
            lora = self.state.adapter.file_state(self.names, self.text_names)
        try:
            name = f"{self.run.name}-step-{step:06d}"
            saved = save_now(lora, name, self._metadata()) if lora else "a checkpoint"
        except ValueError as error:
            self._tell(f"Nothing was saved at step {step}: {error}", step, progress)
        else:
            self._tell(f"Saved {saved} at step {step}.", step, progress)

    def _tell(self, text: str, step: int, progress: Progress) -> None:
        progress.update(step, text)
        self.asked.note = text

    def _keep_step(self, step: int) -> None:
        """Write the LoRA of a checkpoint, to be compared with others, if it is not there yet."""
        due = self.config.keep_loras and step and step % self.config.save_every == 0
        if not due or run_loras.file(self.run, step).is_file():
            return
        with self.state.judged():
            lora = self.state.adapter.file_state(self.names, self.text_names)
        if lora:
            run_loras.keep(self.run, step, (lora, self._header() | hashes(lora)))

    def _header(self) -> dict[str, str]:
        """What the file of a LoRA says of how it was made."""
        header = lora_metadata(
            self.run.name,
            self.config,
            self.private.model,
            self.denoiser.prediction,
            self.wires.dataset,
            self.run.asked(),
            self.run.base(),
            len(self.wires.class_pictures or ()),
        )
        # The adapter may be another than the settings say, where a LoRA is gone on from.
        learned = self.state.adapter.network or self.state.adapter.text
        if not learned:  # new words alone
            return header
        return header | network_header(self.config, learned.kind, learned.sizes.values())

    def _keep(self) -> None:
        """Write the last weights and the best; those that were asked for become the LoRA.

        Afterwards the adapter has the best weights, and the session is over.
        """
        self.run.refuse_vanished()
        adapter, best = self.state.adapter, self.state.best
        with self.state.judged():
            learned = {"last": adapter.file_state(self.names, self.text_names)}
            words = adapter.word_states()
        if best.weights:
            adapter.load(best.weights)
            learned["best"] = adapter.file_state(self.names, self.text_names)
            words = adapter.word_states() if self.config.keep == "best" else words
        metadata = self._metadata()
        for word, vectors in words.items():
            self.run.keep_word(word, vectors, word_metadata(word, metadata) | hashes(vectors))
        chosen = self.config.keep if self.config.keep in learned else "last"
        names = {which: self.run.other_file(which) for which in learned}
        names[chosen] = self.run.lora_file
        self.run.keep(  # where words alone learn, there is no LoRA
            {
                names[which].name: (lora, metadata | hashes(lora))
                for which, lora in learned.items()
                if lora
            }
        )

    def _metadata(self) -> dict[str, str]:
        picture = self.samples.last()
        return self._header() | (thumbnail(picture) if picture else {})


def _adapter(
    private: ModelPatcher, text: CLIP | None, wires: Wires, config: TrainConfig
) -> Together:
    start = start_from(wires.continue_from, private.model) if wires.continue_from else None
    learning = text if config.text_encoders != "none" else None
    text_start = None
    if learning and start and start.carried:
        text_start = start_text(start.carried, learning)
        start = replace(start, carried={})
    network = encoders = None
    with own_randomness(config.seed):
        if config.train_network:
            family = blocks_of(private.model)
            network = Adapter(private.model.diffusion_model, config, family, start)
        if learning:
            sizes = text_start.sizes if text_start else text_sizes(learning, config)
            encoders = Adapter(learning.cond_stage_model, config, start=text_start, sizes=sizes)
    words = start_words(text, config) if text and config.words else None
    return Together(network, encoders, words)


def _task(denoiser: Denoiser, config: TrainConfig, adapter: Together, precision: Precision) -> Task:
    return Task(
        denoiser,
        config,
        config.seed,
        adapter,
        from_base=CLASS if config.prior_target == "base" else "",
        precision=precision,
        drops=config.dropout > 0,
    )


def _of_unreached(layers: Sequence[str]) -> str:
    return (
        f"Layers that learn nothing, since the picture does not hang on them: {len(layers)}, such "
        f"as {layers[0]}."
    )


def _streams(
    pictures: dict[str, Pictures], prepared: Prepared, config: TrainConfig
) -> list[Stream]:
    weights = {DATASET: 1.0, CLASS: config.prior_weight}
    return [
        Stream(what, pictures[what], plan, config.seed, weights[what], config.dropout > 0)
        for what, plan in prepared.plans.items()
    ]


def _state(adapter: Together, config: TrainConfig, scaler: GradScaler) -> State:
    optimizer: Any = make_optimizer(
        config.optimizer,
        adapter.groups(config.learning_rate, config.text_rate, config.word_rate, config.plus_ratio),
        config.learning_rate,
        config.weight_decay,
        config.optimizer_arguments,
    )
    if hasattr(optimizer, "train"):  # the schedule-free ones
        optimizer.train()
    schedule = make_schedule(
        config.schedule,
        optimizer,
        config.steps,
        config.warmup,
        config.schedule_cycles,
        config.schedule_power,
    )
    return State(adapter, optimizer, schedule, scaler, running_mean(adapter, config.ema_decay))
