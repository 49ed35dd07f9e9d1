// @ts-check
/** The graph of a run on the canvas: by a button, or dropped there. */

import { app } from "../../../../scripts/app.js";
import { DRAGGED } from "./list.js";
import { ask, path } from "./server.js";

/**
 * Open the graph that a run was queued with, as a workflow of its own.
 * @param {string} name
 * @param {string} title
 */
export async function openGraph(name, title) {
    const graph = await ask(path(name, "/graph"));
    const file = new File([JSON.stringify(graph)], `${title}.json`, { type: "application/json" });
    await app.handleFile(file);
}

/** Let runs be dropped on the canvas. @param {(error: Error) => void} refused */
export function takeDrops(refused) {
    const { canvas } = app.canvas;
    const ours = (/** @type {DragEvent} */ event) => Boolean(event.dataTransfer?.types.includes(DRAGGED));
    canvas.addEventListener("dragover", (event) => {
        if (ours(event)) event.preventDefault();
    });
    canvas.addEventListener("drop", (event) => {
        if (!ours(event)) return;
        event.preventDefault();
        event.stopImmediatePropagation(); // the page itself would fetch the address, and name the graph after it
        const name = event.dataTransfer?.getData(DRAGGED) ?? "";
        openGraph(name, name).catch(refused);
    }, { capture: true });
}
