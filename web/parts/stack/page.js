// @ts-check
/** What the stack needs of ComfyUI's page and server: files, other nodes' texts. */

import { api } from "../../../../scripts/api.js";
import { app } from "../../../../scripts/app.js";
import { inElements } from "../renderer.js";
import { withSlashes } from "./names.js";
import { change } from "./undo.js";

/** @typedef {import("../../../../scripts/app.js").Node} ComfyNode */
/** @typedef {import("../../../../scripts/app.js").Widget} ComfyWidget */

/**
 * Over the list, the wheel zooms and the middle button pans as beside it; what else is done there
 * is not for the node.
 * @param {HTMLElement} element
 */
export function leaveToCanvas(element) {
    element.addEventListener("wheel", (event) => {
        if (!inElements()) app.canvas.processMouseWheel(event);
    });
    const pans = (/** @type {PointerEvent} */ event) => event.button === 1 || event.buttons & 4;
    const to = {
        pointerdown: (/** @type {PointerEvent} */ event) => app.canvas.processMouseDown(event),
        pointermove: (/** @type {PointerEvent} */ event) => app.canvas.processMouseMove(event),
        pointerup: (/** @type {PointerEvent} */ event) => app.canvas.processMouseUp(event),
    };
    for (const type of /** @type {(keyof typeof to)[]} */ (Object.keys(to)))
        element.addEventListener(type, (event) => {
            if (!pans(event)) event.stopPropagation(); // or Nodes 2.0 would drag the node
            else if (!inElements()) to[type](event);
        });
}

/** @type {string[] | null} */
let known = null;
/** @type {Set<() => void>} */
const watchers = new Set();

/** The names of the LoRA files as last heard, or null before the first answer. */
export function files() {
    return known;
}

/** Ask the server for the files, and tell all who watch where they are others. */
export async function askForFiles() {
    const answer = await api.fetchApi("/models/loras");
    if (!answer.ok) return;
    const names = /** @type {string[]} */ (await answer.json()).map(withSlashes);
    if (known && names.join("\n") === known.join("\n")) return;
    known = names;
    for (const tell of watchers) tell();
}

/**
 * @param {() => void} tell
 * @returns {() => void} to stop watching
 */
export function watchFiles(tell) {
    watchers.add(tell);
    return () => void watchers.delete(tell);
}

/**
 * A text of another node that words can be put into.
 * @typedef {{label: string, key: string, node: ComfyNode, widget: ComfyWidget}} Target
 */

/**
 * The texts of several lines in the graph in view.
 * @returns {Target[]}
 */
export function texts() {
    const nodes = app.canvas.graph?.nodes ?? [];
    return nodes.flatMap((node) =>
        (node.widgets ?? [])
            .filter((widget) => widget.type === "customtext")
            .map((widget) => ({
                label: `${node.title} #${node.id}: ${widget.label ?? widget.name}`,
                key: `${node.id}/${widget.name}`,
                node,
                widget,
            })),
    );
}

/**
 * Put `words` at the end of a text, where it does not have them yet.
 * @param {Target} target
 * @param {string} words
 */
export function append(target, words) {
    const text = String(target.widget.value ?? "");
    if (text.includes(words)) return;
    change(target.node, () => {
        target.widget.value = text.trim() ? `${text.trimEnd().replace(/,$/, "")}, ${words}` : words;
        target.widget.callback?.(target.widget.value);
    });
}

/**
 * @param {string} words
 */
export async function copy(words) {
    await navigator.clipboard.writeText(words);
}

/**
 * @param {"info" | "success" | "error"} severity
 * @param {string} detail
 */
export function tell(severity, detail) {
    app.extensionManager.toast.add({ severity, summary: "Atelier", detail, life: 4000 });
}
