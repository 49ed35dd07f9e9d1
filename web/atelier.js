// @ts-check
/** Atelier's part of ComfyUI's page. Everything else is in small modules beside this file. */

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { addOpenButton, addTab, LOADS } from "./parts/dataset/tab.js";
import { showSmallNumbers } from "./parts/digits.js";
import { addGridsTab, addSeeButton, MAKES } from "./parts/judge/tab.js";
import { filesChanged, rowsWidget, STACKS, TYPE, useRowsWidget } from "./parts/stack/widget.js";
import { addPageButton, MAKES_PAGES } from "./parts/report/open.js";
import { addReviewButton, FINDS, keepFindings } from "./parts/review.js";
import { addRunsTab } from "./parts/runs/tab.js";
import { addLiveView } from "./parts/runs/widget.js";
import { addStopButton, TRAINS } from "./parts/stop.js";
import { addSweepTab, offerSweep, SWEEP, sweepMenu } from "./parts/sweep/tab.js";

app.registerExtension({
    name: "Atelier",
    getCustomWidgets: () => ({ [TYPE]: rowsWidget }),
    setup() {
        addTab();
        addGridsTab();
        addRunsTab();
        addSweepTab();
    },
    commands: [SWEEP],
    getNodeMenuItems: sweepMenu,
    getSelectionToolboxCommands: offerSweep,
    beforeRegisterNodeDef(_type, definition) {
        if (STACKS.includes(definition.name)) useRowsWidget(definition);
    },
    nodeCreated(node) {
        if (node.comfyClass?.startsWith("Atelier")) showSmallNumbers(node);
        if (TRAINS.includes(node.comfyClass ?? "")) {
            addStopButton(node);
            addLiveView(node);
        }
        if (node.comfyClass === LOADS) addOpenButton(node);
        if (FINDS.includes(node.comfyClass ?? "")) addReviewButton(node);
        if (MAKES.includes(node.comfyClass ?? "")) addSeeButton(node);
        if (MAKES_PAGES.includes(node.comfyClass ?? "")) addPageButton(node);
    },
    refreshComboInNodes: filesChanged,
});
api.addEventListener("execution_success", filesChanged);
api.addEventListener("executed", keepFindings);
