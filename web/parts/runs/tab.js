// @ts-check
/** The runs page as a tab of ComfyUI's side bar. */

import { app } from "../../../../scripts/app.js";
import { listen } from "./feed.js";
import { takeDrops } from "./graph.js";
import { Page } from "./page.js";

const ID = "atelier-runs";

/** @type {{ host: HTMLElement, page: Page } | null} one for all, which outlives the tab */
let made = null;

function theOne() {
    if (made) return made;
    const host = document.createElement("div");
    host.className = "atelier-runs";
    host.style.cssText = "display: block; height: 100%; min-height: 0; flex: 1 1 0;";
    // ComfyUI hears Ctrl+Z before any element does, and lets be who says that it is a text field.
    /** @type {any} */ (host).type = "textarea";
    const root = host.attachShadow({ mode: "open" });
    const page = new Page();
    for (const name of ["../dataset/dataset.css", "./live.css", "./runs.css"]) {
        const href = new URL(name, import.meta.url).href;
        root.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
    }
    root.append(page.element);
    for (const kind of ["keydown", "keypress", "copy", "cut", "paste"]) {
        root.addEventListener(kind, (event) => {
            const { ctrlKey, metaKey, key } = /** @type {KeyboardEvent} */ (event);
            if (!(ctrlKey || metaKey) || /^[acvxyz]$/i.test(key ?? "")) event.stopPropagation();
        });
    }
    made = { host, page };
    return made;
}

export function addRunsTab() {
    listen(() => {}); // or ComfyUI's page complains of a message that nobody knows
    app.extensionManager.registerSidebarTab({
        id: ID,
        icon: "pi pi-chart-line",
        title: "Runs",
        tooltip: "Runs: every training, past and present, side by side (Atelier)",
        type: "custom",
        /** @param {HTMLElement} place */
        render(place) {
            const { host, page } = theOne();
            place.style.height = "100%";
            place.replaceChildren(host);
            void page.arrive();
        },
        destroy() {
            made?.host.remove();
        },
    });
    takeDrops((error) =>
        app.extensionManager.toast.add({ severity: "error", summary: "Atelier", detail: error.message, life: 5000 }),
    );
}

/** Open the side bar at a run. @param {string} name */
export function openRuns(name) {
    const { sidebarTab } = app.extensionManager;
    if (sidebarTab.activeSidebarTabId !== ID) sidebarTab.toggleSidebarTab(ID);
    void theOne().page.go(name);
}
