// @ts-check
/** Atelier's part of ComfyUI's page. Everything else is in small modules beside this file. */

import { app } from "../../scripts/app.js";
import { addStopButton, TRAINS } from "./parts/stop.js";

app.registerExtension({
    name: "Atelier",
    /** @param {any} node */
    nodeCreated(node) {
        if (TRAINS.includes(node.comfyClass)) addStopButton(node);
    },
});
