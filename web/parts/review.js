// @ts-check
/** The button "Review the pictures" on nodes that find something wrong with pictures. */

import { app } from "../../../scripts/app.js";
import { show } from "./dataset/tab.js";
import { addButton } from "./side.js";

export const FINDS = ["AtelierInfluence"];

/**
 * @typedef {object} Review What a node found, as it tells the page.
 * @property {string} folder
 * @property {string} filter
 */

/** @type {Map<string, Review>} by the number of the node */
const found = new Map();

/**
 * Keep what a node found, when it ran or its result was taken from the cache.
 * @param {any} event
 */
export function keepFindings(event) {
    const review = event.detail?.output?.atelier_review?.[0];
    if (review) found.set(own(event.detail.display_node ?? event.detail.node), review);
}

/** Its number in the innermost graph. @param {any} node */
function own(node) {
    return String(node).split(":").pop() ?? "";
}

/**
 * @param {any} node
 */
export function addReviewButton(node) {
    const tooltip = "Open the dataset page with the pictures that were found, to set them aside.";
    addButton(node, "Review the pictures", tooltip, () => review(node));
}

/**
 * @param {any} node
 */
function review(node) {
    const one = found.get(own(node.id));
    if (one?.folder) {
        show(one.folder, one.filter);
        return;
    }
    const detail = one ? "The pictures lie in no folder that the page may open." : "Queue the graph first.";
    app.extensionManager.toast.add({ severity: "info", summary: "Atelier", detail, life: 5000 });
}
