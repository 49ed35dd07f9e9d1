// @ts-check
/** How values are written: docs/sweeps.md in short. */

import { make, openDialog, table } from "../dom.js";

const VALUES = [
    ["4, 8, 16", "these; lines instead of commas too, and quotes around what has a comma"],
    ["1e-5…1e-3 log 5", "five, each the same ratio above the last (.. for …)"],
    ["0..1 5", "five, with equal steps"],
    ["4..64 ×2", "4, 8, 16, 32, 64 (x2 too)"],
    ["0..10 +2", "0, 2, 4, 6, 8, 10"],
    ["1e-5..1e-3 log", "all between, for latin and random"],
    ["*.safetensors", "of a list of choices, those that fit"],
    ["file prompts.txt", "a value from each line of a text file in ComfyUI's folders"],
    ["folders hats-*", "the folders that fit"],
];
const AFTER = [
    ["Resume", "queues what is neither done nor waiting: after a restart, a failure, or a cancel"],
    ["★", "best by that score, as far as the intervals can tell"],
    ["◆", "on the Pareto front: no other point is as good in all chosen scores and better in one"],
];

/** @param {HTMLElement} page */
export function showHelp(page) {
    const terminal = "From a terminal, also on several servers, and as a search: python custom_nodes/atelier/sweep.py --help. All of it: docs/sweeps.md in Atelier's folder.";
    openDialog(page, "Sweeps", "large", make("div", { class: "both" }, table("Values", VALUES), table("Results", AFTER)), make("p", { class: "note" }, terminal));
}
