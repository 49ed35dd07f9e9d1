// @ts-check
/** The sweep panel as a tab of ComfyUI's side bar, and "Add to sweep" in the menu of a node. */

import { app } from "../../../../scripts/app.js";
import { SideTab } from "../side.js";
import { Panel } from "./panel.js";
import { axisOf, places, sweepable } from "./widgets.js";

const tab = new SideTab({
    id: "atelier-sweep",
    icon: "pi pi-th-large",
    title: "Sweep",
    tooltip: "Sweep: many runs from one graph, side by side (Atelier)",
    host: "atelier-sweep",
    styles: ["./page.css", "./sweep/sweep.css"],
    make: () => new Panel(),
    shown: (panel) => void panel.opened(),
});

export function addSweepTab() {
    tab.add();
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

/** For those who have no such menu, as in some pages with Nodes 2.0: by name, key, or a button. */
export const SWEEP = {
    id: "Atelier.AddToSweep",
    icon: "pi pi-th-large",
    label: "Add to sweep",
    tooltip: "Choose a setting of this node that a sweep is to change (Atelier)",
    function() {
        const chosen = Object.values(app.canvas.selected_nodes ?? {})[0];
        const panel = tab.open();
        void panel.opened();
        panel.axes.goTo(places().find((one) => one.owner === chosen)?.node ?? "");
    },
};

/**
 * For the buttons over a selected node.
 * @param {any} item
 */
export function offerSweep(item) {
    return item.widgets?.length && sweepable(item).length ? [SWEEP.id] : [];
}

/**
 * @param {any} node
 * @param {string} name
 */
function add(node, name) {
    const place = places().find((one) => one.owner === node);
    if (!place) return;
    const panel = tab.open();
    void panel.opened();
    panel.axes.add(axisOf(place, name));
}
