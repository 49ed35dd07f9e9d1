from typing import Any

from comfy_api.latest import io, ui

from ..training.curation.sheet import pages
from ..training.data.wired import images_dataset
from ..training.host.folders import allowed_roots, cache, records
from ..training.host.images import as_images
from ..training.influence import findings, report
from ..training.influence.place import page_folder
from .train import base_wires, more_wires
from .types import DatasetWire, RunWire


class WhichPictures(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        held_out, continue_from = more_wires()[1:]
        return io.Schema(
            node_id="AtelierInfluence",
            display_name="Which Pictures Did It",
            category="Atelier/Evaluate",
            description="What each training picture did to the held-out pictures, or to one "
            "output: finds those that harm, that dominate, and whose caption is wrong.",
            is_output_node=True,
            is_experimental=True,
            inputs=[
                RunWire.Input("run", tooltip="The run, from Train LoRA or Resume Run."),
                *base_wires(),
                io.Int.Input(
                    "noise_levels",
                    default=8,
                    min=1,
                    max=64,
                    tooltip="At how many noise levels each picture is measured. More is surer, and "
                    "takes longer: a training step's time for each picture and checkpoint, at "
                    "about as many levels as the batch size.",
                ),
                io.Int.Input(
                    "most",
                    default=12,
                    min=1,
                    max=1000,
                    tooltip="How many pictures the report names in each list. influence.json in "
                    "the run's folder has them all.",
                ),
                held_out,
                continue_from,
                io.Image.Input(
                    "output",
                    optional=True,
                    tooltip="A picture that the LoRA made: which pictures did this one?",
                ),
                io.String.Input(
                    "prompt",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="The prompt of that output.",
                ),
            ],
            outputs=[
                DatasetWire.Output(display_name="kept", tooltip="The pictures without suspicion."),
                DatasetWire.Output(
                    display_name="suspects",
                    tooltip="Those that harm, and those whose caption seems wrong. It may hold "
                    "none.",
                ),
                io.String.Output(display_name="report", tooltip="What was found, for a person."),
                io.Image.Output(
                    display_name="sheet",
                    is_output_list=True,
                    tooltip="Pages with the pictures and what is said of them, the worst first.",
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        run,
        model,
        clip,
        vae,
        dataset,
        noise_levels: int,
        most: int,
        held_out=None,
        continue_from=None,
        output=None,
        prompt: str = "",
    ) -> io.NodeOutput:
        from ..training.influence.work import Question, influence, suspects  # brings the trainer
        from ..training.prepare import Wires

        chosen = None
        if output is not None:
            if not prompt.strip():
                raise ValueError("An output is wired: write its prompt, as it was made with.")
            chosen = images_dataset([output], [prompt], [], cache() / "wired")
        wires = Wires(model, clip, vae, dataset, held_out, None, continue_from)
        found = influence(Question(run, wires, chosen, noise_levels))
        findings.mark(records(), found)
        kept, bad = suspects(dataset, found)
        text = report.text(found, most)
        shown: dict[str, Any] = {
            **ui.PreviewText(text).as_dict(),
            "atelier_review": [
                {
                    "folder": page_folder(dataset, bad.records, allowed_roots()),
                    "filter": f"flag:{findings.FLAG}",
                }
            ],
        }
        sheet = as_images(pages(report.cells(dataset, found, most)))
        return io.NodeOutput(kept, bad, text, sheet, ui=shown)
