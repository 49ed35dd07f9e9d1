// @ts-check
/** The page as a tab of ComfyUI's side bar, and the button on Load Dataset that opens it. */

import { app } from "../../../../scripts/app.js";
import { addButton, SideTab, valueOf } from "../side.js";
import { Page } from "./page.js";

export const LOADS = "AtelierLoadDataset";

const tab = new SideTab({
    id: "atelier-dataset",
    icon: "pi pi-images",
    title: "Dataset",
    tooltip: "Dataset: see and edit the pictures and captions of a folder (Atelier)",
    host: "atelier-dataset",
    styles: ["./page.css", "./dataset/dataset.css"],
    make: () => new Page(named),
});

/** @returns {string[]} folders of the graph's Load Dataset nodes */
function named() {
    const found = (app.graph?.nodes ?? [])
        .filter((/** @type {any} */ node) => node.comfyClass === LOADS)
        .map((/** @type {any} */ node) => valueOf(node, "folder"));
    return [...new Set(/** @type {string[]} */ (found.filter(Boolean)))];
}

export function addTab() {
    tab.add();
}

/**
 * @param {any} node
 */
export function addOpenButton(node) {
    addButton(node, "See and edit", "Open the folder's pictures and captions in the side bar.", () =>
        show(valueOf(node, "folder") ?? ""),
    );
}

/**
 * Open the page on a folder.
 * @param {string} folder
 * @param {string} [filter] what is shown of it; left out, what was shown before
 */
export function show(folder, filter) {
    const page = tab.open();
    if (filter !== undefined) page.setFilter(filter);
    void page.open(folder);
}
