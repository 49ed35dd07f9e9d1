// @ts-check
/** The runs page as a tab of ComfyUI's side bar. */

import { app } from "../../../../scripts/app.js";
import { SideTab } from "../side.js";
import { listen } from "./feed.js";
import { takeDrops } from "./graph.js";
import { Page } from "./page.js";

const tab = new SideTab({
    id: "atelier-runs",
    icon: "pi pi-chart-line",
    title: "Runs",
    tooltip: "Runs: every training, past and present, side by side (Atelier)",
    host: "atelier-runs",
    styles: ["./page.css", "./runs/live.css", "./runs/runs.css"],
    make: () => new Page(),
    shown: (page) => void page.arrive(),
});

export function addRunsTab() {
    listen(() => {}); // or ComfyUI's page complains of a message that nobody knows
    tab.add();
    takeDrops((error) =>
        app.extensionManager.toast.add({ severity: "error", summary: "Atelier", detail: error.message, life: 5000 }),
    );
}

/** Open the side bar at a run. @param {string} name */
export function openRuns(name) {
    const page = tab.open();
    void page.arrive();
    void page.go(name);
}
