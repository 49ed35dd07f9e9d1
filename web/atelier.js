// @ts-check
/** Atelier's part of ComfyUI's page. Everything else is in small modules beside this file. */

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { addOpenButton, addTab, LOADS } from "./parts/dataset/tab.js";
import { addRunsTab } from "./parts/runs/tab.js";
import { addLiveView } from "./parts/runs/widget.js";
import { filesChanged, rowsWidget, STACKS, TYPE, useRowsWidget } from "./parts/stack/widget.js";
import { addStopButton, TRAINS } from "./parts/stop.js";
import { addSweepTab, sweepMenu } from "./parts/sweep/tab.js";

app.registerExtension({
    name: "Atelier",
    getCustomWidgets: () => ({ [TYPE]: rowsWidget }),
    setup() {
        addTab();
        addSweepTab();
        addRunsTab();
    },
    getNodeMenuItems: sweepMenu,
    beforeRegisterNodeDef(_type, definition) {
        if (STACKS.includes(definition.name)) useRowsWidget(definition);
    },
    nodeCreated(node) {
        if (TRAINS.includes(node.comfyClass ?? "")) {
            addStopButton(node);
            addLiveView(node);
        }
        if (node.comfyClass === LOADS) addOpenButton(node);
    },
    refreshComboInNodes: filesChanged,
});
api.addEventListener("execution_success", filesChanged);
