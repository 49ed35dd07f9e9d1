// @ts-check
/** The live view as a widget of the nodes that train, on the canvas and in Nodes 2.0. */

import { api } from "../../../../scripts/api.js";
import { inElements } from "../renderer.js";
import { leaveToCanvas, tell } from "../stack/page.js";
import { listen } from "./feed.js";
import { Live } from "./live.js";
import { called } from "./query.js";
import { ask } from "./server.js";
import { openRuns } from "./tab.js";

/** @typedef {import("../../../../scripts/app.js").Node} ComfyNode */
/** @typedef {import("./query.js").Row} Row */

const TYPE = "ATELIER_LIVE";
const LINE = 34; // pixels, until it is in the page and can be measured

/** @type {Promise<Row[]> | null} one answer for all nodes of a graph that is opened */
let listing = null;

function rows() {
    listing ??= ask("runs").then(({ runs }) => runs);
    setTimeout(() => (listing = null), 500);
    return listing;
}

/**
 * @param {ComfyNode} node
 */
export function addLiveView(node) {
    addStyle();
    const live = new Live({ resized: () => requestAnimationFrame(() => fit(node, live)), openRuns, tell });
    live.element.classList.add("atelier-live");
    const widget = node.addDOMWidget("live", TYPE, live.element, {
        getValue: () => "",
        setValue() {},
        getMinHeight: () => (live.height || LINE) + 8,
        margin: 4,
        serialize: false,
    });
    widget.serialize = false; // it is no value of the workflow
    leaveToCanvas(live.element);
    const own = () => String(node.widgets?.find(({ name }) => ["name", "run"].includes(name))?.value ?? "").trim();

    /** The newest run of the node's name; the one that it trains now, before all others. */
    async function choose() {
        const found = await rows().catch(() => []);
        const named = found.filter(({ name }) => called(name, own()));
        const now = named.find(({ node: at }) => at && belongs(at, node));
        const row = now ?? named[0];
        if (row) live.show(row);
    }

    const leave = listen((telling) => {
        if (telling.run !== live.name && belongs(telling.node, node) && called(telling.run, own())) void choose();
    });
    const chosen = () => void choose();
    api.addEventListener("execution_success", chosen);
    setTimeout(chosen, 50); // once the widgets have the values of the graph that is opened
    const { onRemoved } = node;
    node.onRemoved = function () {
        leave();
        live.leave();
        api.removeEventListener("execution_success", chosen);
        onRemoved?.call(this);
    };
}

/**
 * @param {string} at the number of a node that trains
 * @param {ComfyNode} node
 */
function belongs(at, node) {
    return at.split(":").pop() === String(node.id);
}

/**
 * Let the node be as high as it has to be; never smaller than it was made.
 * @param {ComfyNode} node
 * @param {Live} live
 */
function fit(node, live) {
    if (!live.height || inElements()) return; // Nodes 2.0 fit themselves
    const [width, height] = node.size;
    const [, needed] = node.computeSize();
    if (height < needed) node.setSize([width, needed]);
    node.graph?.setDirtyCanvas(true, true);
}

function addStyle() {
    const href = new URL("./live.css", import.meta.url).href;
    if (document.querySelector(`link[href="${href}"]`)) return;
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}
