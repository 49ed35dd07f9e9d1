// @ts-check
/** Edits as steps that Ctrl+Z takes back one by one. */

import { app } from "../../../../scripts/app.js";
import { inElements } from "../renderer.js";

/** @typedef {import("../../../../scripts/app.js").Node} ComfyNode */
/** @typedef {import("../../../../scripts/app.js").ChangeTracker} ChangeTracker */

const PATIENCE = 60; // frames that a step stays open for its node's size, at most

/** @type {Set<() => void>} */
const open = new Set();
const tracker = () => app.extensionManager.workflow.activeWorkflow?.changeTracker;

/**
 * Do `edit` of `node` as one step.
 *
 * Nodes 2.0 measure a node a frame or more after it has changed. Its new size belongs to the step:
 * on its own it would be another, and the first Ctrl+Z would seem to do nothing.
 * @param {ComfyNode} node
 * @param {() => void} edit
 */
export function change(node, edit) {
    const mine = tracker();
    mine?.beforeChange();
    try {
        edit();
    } finally {
        const end = () => open.delete(end) && mine && close(mine, node);
        open.add(end);
        if (inElements()) requestAnimationFrame(() => endWhenMeasured(node, PATIENCE, end));
        else end();
    }
}

/** What a person does next is another step, or leads to another workflow. */
function endAll() {
    for (const end of open) end();
}
for (const type of ["keydown", "pointerdown"]) window.addEventListener(type, endAll, true);

/**
 * Where another workflow was opened meanwhile, its graph is none of this step's.
 * @param {ChangeTracker} mine
 * @param {ComfyNode} node
 */
function close(mine, node) {
    if (mine === tracker() && node.graph) mine.afterChange();
    else mine.changeCount -= 1;
}

/**
 * @param {ComfyNode} node
 * @param {number} frames left to wait
 * @param {() => void} end
 */
function endWhenMeasured(node, frames, end) {
    requestAnimationFrame(() => {
        if (!frames || measured(node)) end();
        else endWhenMeasured(node, frames - 1, end);
    });
}

/**
 * Whether a node's size is that of its element; where there is none, nothing is waited for.
 * @param {ComfyNode} node
 */
function measured(node) {
    const element = document.querySelector(`[data-node-id="${node.id}"]`);
    if (!(element instanceof HTMLElement)) return true;
    const height = element.offsetHeight - LiteGraph.NODE_TITLE_HEIGHT;
    return Math.abs(height - node.size[1]) < 1;
}
