// @ts-check
/** The button "Open page" on the nodes that make pages: Report and Compare Runs. */

import { api } from "../../../../scripts/api.js";
import { app } from "../../../../scripts/app.js";

export const MAKES_PAGES = ["AtelierReport", "AtelierCompareRuns"];

/** @type {Map<string, string>} path of the newest page by the id of its node, this session's */
const made = new Map();

api.addEventListener("executed", (/** @type {any} */ event) => {
    const { node, display_node, output } = event.detail ?? {};
    const path = output?.atelier_page?.[0];
    if (typeof path === "string" && path.startsWith("/atelier/")) {
        made.set(String(display_node ?? node), path);
    }
});

/** @param {any} node */
export function addPageButton(node) {
    const button = node.addWidget("button", "Open page", null, () => open(node), {
        serialize: false,
    });
    button.serialize = false; // it is no value of the workflow
    button.tooltip = "Open the page that was made last in a new tab of the browser.";
}

/** @param {any} node */
function open(node) {
    const ids = [...made.keys()].filter((id) => id.split(":").pop() === String(node.id));
    const path = made.get(ids[ids.length - 1] ?? "");
    if (path) {
        const parts = path.split("/").map(encodeURIComponent).join("/");
        window.open(api.apiURL(parts), "_blank", "noopener");
        return;
    }
    app.extensionManager.toast.add({
        severity: "info",
        summary: "Atelier",
        detail: "Queue this node first: it makes the page.",
        life: 5000,
    });
}
