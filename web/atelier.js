// @ts-check
/** Atelier's part of ComfyUI's page. Everything else is in small modules beside this file. */

import { app } from "../../scripts/app.js";
import { addOpenButton, addTab, LOADS } from "./parts/dataset/tab.js";
import { addStopButton, TRAINS } from "./parts/stop.js";

app.registerExtension({
    name: "Atelier",
    setup() {
        addTab();
    },
    /** @param {any} node */
    nodeCreated(node) {
        if (TRAINS.includes(node.comfyClass)) addStopButton(node);
        if (node.comfyClass === LOADS) addOpenButton(node);
    },
});
