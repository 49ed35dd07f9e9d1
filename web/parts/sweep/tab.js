// @ts-check
/** The sweep panel as a tab of ComfyUI's side bar, and "Add to sweep" in the menu of a node. */

import { app } from "../../../../scripts/app.js";
import { Panel } from "./panel.js";
import { axisOf, places, sweepable } from "./widgets.js";

const ID = "atelier-sweep";

/** @type {{ host: HTMLElement, panel: Panel } | null} one for all, which outlives the tab */
let made = null;

function theOne() {
    if (made) return made;
    const host = document.createElement("div");
    host.className = "atelier-sweep";
    host.style.cssText = "display: block; height: 100%; min-height: 0; flex: 1 1 0;";
    // ComfyUI hears Ctrl+Z before any element does, and lets be who says that it is a text field.
    /** @type {any} */ (host).type = "textarea";
    const root = host.attachShadow({ mode: "open" });
    const panel = new Panel();
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = new URL("./sweep.css", import.meta.url).href;
    root.append(style, panel.element);
    for (const kind of ["keydown", "keypress", "copy", "cut", "paste"]) {
        root.addEventListener(kind, (event) => {
            const { ctrlKey, metaKey, key } = /** @type {KeyboardEvent} */ (event);
            if (!(ctrlKey || metaKey) || /^[acvxyz]$/i.test(key ?? "")) event.stopPropagation();
        });
    }
    made = { host, panel };
    return made;
}

export function addSweepTab() {
    app.extensionManager.registerSidebarTab({
        id: ID,
        icon: "pi pi-th-large",
        title: "Sweep",
        tooltip: "Sweep: many runs from one graph, side by side (Atelier)",
        type: "custom",
        /** @param {HTMLElement} place */
        render(place) {
            const { host, panel } = theOne();
            place.style.height = "100%";
            place.replaceChildren(host);
            void panel.opened();
        },
        destroy() {
            made?.panel.results.stop();
            made?.host.remove();
        },
    });
}

/**
 * For ComfyUI's menu of a node: its settings, each of which may be swept.
 * @param {any} node
 */
export function sweepMenu(node) {
    const names = sweepable(node);
    if (!names.length) return [];
    const options = names.map((name) => ({ content: name, callback: () => add(node, name) }));
    return [null, { content: "Add to sweep", has_submenu: true, submenu: { options } }];
}

/**
 * @param {any} node
 * @param {string} name
 */
function add(node, name) {
    const place = places().find((one) => one.owner === node);
    if (!place) return;
    const { sidebarTab } = app.extensionManager;
    if (sidebarTab.activeSidebarTabId !== ID) sidebarTab.toggleSidebarTab(ID);
    theOne().panel.axes.add(axisOf(place, name));
}
