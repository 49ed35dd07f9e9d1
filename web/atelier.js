// @ts-check
/** Atelier's part of ComfyUI's page. Everything else is in small modules beside this file. */

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { addOpenButton, addTab, LOADS } from "./parts/dataset/tab.js";
import { filesChanged, rowsWidget, STACKS, TYPE, useRowsWidget } from "./parts/stack/widget.js";
import { addReviewButton, FINDS, keepFindings } from "./parts/review.js";
import { addStopButton, TRAINS } from "./parts/stop.js";

app.registerExtension({
    name: "Atelier",
    getCustomWidgets: () => ({ [TYPE]: rowsWidget }),
    setup: addTab,
    beforeRegisterNodeDef(_type, definition) {
        if (STACKS.includes(definition.name)) useRowsWidget(definition);
    },
    nodeCreated(node) {
        if (TRAINS.includes(node.comfyClass ?? "")) addStopButton(node);
        if (node.comfyClass === LOADS) addOpenButton(node);
        if (FINDS.includes(node.comfyClass ?? "")) addReviewButton(node);
    },
    refreshComboInNodes: filesChanged,
});
api.addEventListener("execution_success", filesChanged);
api.addEventListener("executed", keepFindings);
