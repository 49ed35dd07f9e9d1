from typing import Any

from comfy_api.latest import io

from ..training.host.folders import runs
from ..training.run import names, stops
from .train import base_wires, more_wires, origin_of, outputs_of, results


class ResumeRun(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierResumeRun",
            display_name="Resume Run",
            category="Atelier/Train",
            description="Go on with a run that was stopped, or give a run more steps, with the "
            "settings that it began with. Says what differs if something else is wired.",
            is_output_node=True,
            inputs=[
                io.Combo.Input(
                    "run",
                    options=names(runs()),
                    tooltip="A run in user/__atelier/runs. Press R if it is new.",
                ),
                *base_wires(),
                io.Int.Input(
                    "steps",
                    default=0,
                    min=0,
                    max=1_000_000,
                    tooltip="Optimizer steps in all. 0: as many as were asked for. Another number "
                    "makes a new run that goes on from the newest checkpoint.",
                ),
                io.Combo.Input(
                    "if_changed",
                    options=["refuse", "branch"],
                    default="refuse",
                    tooltip="If model, pictures or captions are not those of the run. refuse: say "
                    "what differs. branch: a new run goes on from its newest checkpoint with them.",
                ),
                *more_wires(),
            ],
            outputs=results(),
            hidden=[io.Hidden.extra_pnginfo, io.Hidden.prompt],
        )

    @classmethod
    def validate_inputs(cls, run: str):
        """Runs that are newer than the page's list are found too; `execute` names wrong ones."""
        return True if run.strip() else "Choose a run."

    @classmethod
    def fingerprint_inputs(cls, run: str, **_others: Any):
        return stops(runs(), run)

    @classmethod
    def execute(
        cls,
        run: str,
        model,
        clip,
        vae,
        dataset,
        steps: int,
        if_changed: str,
        class_pictures=None,
        held_out=None,
        continue_from=None,
    ) -> io.NodeOutput:
        from ..training.prepare import Wires
        from ..training.resume import resume  # brings peft: a second

        wires = Wires(model, clip, vae, dataset, held_out, class_pictures, continue_from)
        return outputs_of(resume(wires, run, steps, if_changed, origin_of(cls.hidden)))
