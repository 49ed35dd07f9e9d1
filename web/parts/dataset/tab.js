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
    addButton(node, "See and edit", "Open the folder's pictures and captions in the side bar.", () => {
        void tab.open().open(valueOf(node, "folder") ?? "");
    });
}
