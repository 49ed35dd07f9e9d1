// @ts-check
/** The page of grids as a tab of ComfyUI's side bar, and the button on the nodes that make grids. */

import { addButton, SideTab, valueOf } from "../side.js";
import { JudgePage } from "./page.js";
import { server } from "./server.js";

export const MAKES = ["AtelierEvaluationGrid", "AtelierEvaluationGridAdvanced"];

const tab = new SideTab({
    id: "atelier-grids",
    icon: "pi pi-th-large",
    title: "Grids",
    tooltip: "Grids: see, compare and vote (Atelier)",
    host: "atelier-judge",
    styles: ["./page.css", "./judge/judge.css"],
    make: () => new JudgePage(server),
    shown: (page) => void page.list(),
});

export function addGridsTab() {
    tab.add();
}

/** @param {any} node */
export function addSeeButton(node) {
    addButton(node, "See and vote", "Open the grid of this name in the side bar.", () => {
        void tab.open().list(String(valueOf(node, "name") ?? "").trim());
    });
}
