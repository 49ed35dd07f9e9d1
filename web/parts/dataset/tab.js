// @ts-check
/** The page as a tab of ComfyUI's side bar, and the button on Load Dataset that opens it. */

import { app } from "../../../../scripts/app.js";
import { Page } from "./page.js";

export const LOADS = "AtelierLoadDataset";
const ID = "atelier-dataset";

/** @type {{ host: HTMLElement, page: Page } | null} one for all, which outlives the tab */
let made = null;

function theOne() {
    if (made) return made;
    const host = document.createElement("div");
    host.className = "atelier-dataset";
    host.style.cssText = "display: block; height: 100%; min-height: 0; flex: 1 1 0;";
    // ComfyUI hears Ctrl+Z before any element does, and lets be who says that it is a text field.
    /** @type {any} */ (host).type = "textarea";
    const root = host.attachShadow({ mode: "open" });
    const page = new Page(named);
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = new URL("./dataset.css", import.meta.url).href;
    root.append(style, page.element);
    for (const kind of ["keydown", "keypress", "copy", "cut", "paste"]) {
        root.addEventListener(kind, (event) => keepOwn(/** @type {any} */ (event)));
    }
    made = { host, page };
    return made;
}

/**
 * Keys without Ctrl, and what a text field does with it, are not for the canvas.
 * @param {KeyboardEvent} event
 */
function keepOwn(event) {
    const control = (event.ctrlKey || event.metaKey) && !/^[acvxyz]$/i.test(event.key ?? "");
    if (!control) event.stopPropagation();
}

/** @returns {string[]} folders of the graph's Load Dataset nodes */
function named() {
    const found = (app.graph?.nodes ?? [])
        .filter((/** @type {any} */ node) => node.comfyClass === LOADS)
        .map((/** @type {any} */ node) => node.widgets?.find((/** @type {any} */ one) => one.name === "folder")?.value);
    return [...new Set(/** @type {string[]} */ (found.filter(Boolean)))];
}

export function addTab() {
    app.extensionManager.registerSidebarTab({
        id: ID,
        icon: "pi pi-images",
        title: "Dataset",
        tooltip: "Dataset: see and edit the pictures and captions of a folder (Atelier)",
        type: "custom",
        /** @param {HTMLElement} place */
        render(place) {
            const { host, page } = theOne();
            place.style.height = "100%";
            place.replaceChildren(host);
            if (!page.element.open) page.element.show();
        },
        destroy() {
            made?.page.grid.commit?.();
            made?.host.remove();
        },
    });
}

/**
 * @param {any} node
 */
export function addOpenButton(node) {
    const button = node.addWidget("button", "See and edit", null, () => open(node), { serialize: false });
    button.serialize = false; // it is no value of the workflow
    button.tooltip = "Open the folder's pictures and captions in the side bar.";
}

/**
 * @param {any} node
 */
function open(node) {
    show(node.widgets.find((/** @type {any} */ one) => one.name === "folder")?.value ?? "");
}

/**
 * Open the page on a folder.
 * @param {string} folder
 * @param {string} [filter] what is shown of it; left out, what was shown before
 */
export function show(folder, filter) {
    const { sidebarTab } = app.extensionManager;
    if (sidebarTab.activeSidebarTabId !== ID) sidebarTab.toggleSidebarTab(ID);
    const { page } = theOne();
    if (filter !== undefined) page.setFilter(filter);
    void page.open(folder);
}
