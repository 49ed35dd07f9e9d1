// @ts-check
/** The rows of LoRA Stack as a widget of its node, on the canvas and in Nodes 2.0. */

import { forgetAll } from "./about.js";
import { closeChooser } from "./chooser.js";
import { StackList } from "./list.js";
import { inElements } from "../renderer.js";
import { askForFiles, leaveToCanvas, watchFiles } from "./page.js";
import { change } from "./undo.js";

/** @typedef {import("../../../../scripts/app.js").Node} ComfyNode */
/** @typedef {import("../../../../scripts/app.js").NodeDefinition} NodeDefinition */

export const STACKS = ["AtelierLoraStack"];
export const TYPE = "ATELIER_LORA_ROWS";
const MARGIN = 6;
const WIDTH = 440;
const ROW = 28; // pixels, until the list is in the page and can be measured

/** @type {WeakMap<Element, {node: ComfyNode, gone: boolean}>} */
const owners = new WeakMap();

/**
 * The input `rows` is a text for everyone but the page, where it gets our widget.
 * @param {NodeDefinition} definition
 */
export function useRowsWidget(definition) {
    const spec = definition.input.required?.rows;
    if (spec) spec[1] = { ...spec[1], widgetType: TYPE };
}

/**
 * @param {ComfyNode} node
 * @param {string} name
 * @param {import("../../../../scripts/app.js").InputSpec} spec
 */
export function rowsWidget(node, name, spec) {
    addStyle();
    const list = new StackList({
        change() {
            change(node, () => {
                fit(node, list); // at once, so that undo takes both back together
                widget.callback?.(list.text);
            });
        },
        resize: () => fit(node, list),
    });
    const wanted = () => (list.height || 3 * ROW) + 2 * MARGIN;
    const widget = node.addDOMWidget(name, TYPE, list.element, {
        getValue: () => list.text,
        setValue(value) {
            list.text = asText(value);
            setTimeout(() => mount(node, list.element));
        },
        getMinHeight: wanted,
        margin: MARGIN,
    });
    if (typeof spec[1]?.default === "string") list.text = spec[1].default;
    leaveToCanvas(list.element);
    owners.set(list.element, { node, gone: false });

    const unwatch = watchFiles(() => list.redraw());
    void askForFiles();
    const { onRemoved } = node;
    node.onRemoved = function () {
        unwatch();
        closeChooser();
        owners.set(list.element, { node, gone: true });
        onRemoved?.call(this);
    };
    return { widget, minWidth: WIDTH, minHeight: 4 * ROW };
}

/**
 * A workflow written by hand may hold the rows themselves.
 * @param {unknown} value
 */
function asText(value) {
    if (typeof value === "string") return value;
    return value ? JSON.stringify(value) : "";
}

/** Files may have come, gone or changed. */
export function filesChanged() {
    forgetAll();
    void askForFiles();
}

/**
 * Let the node be as high as its list: more room would be empty.
 * @param {ComfyNode} node
 * @param {StackList} list
 */
function fit(node, list) {
    if (!list.height || inElements()) return; // Nodes 2.0 fit themselves
    const [width, height] = node.size;
    const [, needed] = node.computeSize();
    if (height !== needed) node.setSize([width, needed]);
    node.graph?.setDirtyCanvas(true, true);
}

/**
 * Nodes 2.0 keep the element of a node that undo has replaced by another of the same number:
 * take its place.
 * @param {ComfyNode} node
 * @param {HTMLElement} element
 */
function mount(node, element) {
    if (!inElements() || element.isConnected) return;
    for (const old of document.querySelectorAll(".atelier-stack")) {
        const owner = owners.get(old);
        if (owner?.gone && owner.node.id === node.id) old.replaceWith(element);
    }
}

function addStyle() {
    const href = new URL("./stack.css", import.meta.url).href;
    if (document.querySelector(`link[href="${href}"]`)) return;
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}
