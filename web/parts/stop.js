// @ts-check
/** The button "Stop and keep" on the nodes that train. */

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";

export const TRAINS = ["AtelierTrainLora", "AtelierResumeRun"];

/**
 * @typedef {object} Running A run that goes on, as the server tells it.
 * @property {string} run its name
 * @property {string} node the number of its node; in a subgraph, those around it come first
 */

/**
 * @param {any} node
 */
export function addStopButton(node) {
    const button = node.addWidget("button", "Stop and keep", null, () => stop(node), {
        serialize: false,
    });
    button.serialize = false; // it is no value of the workflow
    button.tooltip =
        "End the training after its present step, and go on with what it has learned. " +
        "Queue again to train on.";
}

/**
 * @param {any} node
 */
async function stop(node) {
    const answer = await api.fetchApi("/atelier/running");
    /** @type {Running[]} */
    const running = answer.ok ? await answer.json() : [];
    const found = running.find((one) => belongs(one, node)) ?? null;
    if (!found) {
        tell("info", "This node is not training at this moment.");
        return;
    }
    const path = `/atelier/runs/${encodeURIComponent(found.run)}/stop`;
    const stopped = await api.fetchApi(path, { method: "POST" });
    if (stopped.ok) tell("success", `${found.run} stops after this step.`);
    else tell("error", (await stopped.json()).error ?? stopped.statusText);
}

/**
 * @param {Running} one
 * @param {any} node
 */
function belongs(one, node) {
    return one.node.split(":").pop() === String(node.id);
}

/**
 * @param {"info" | "success" | "error"} severity
 * @param {string} detail
 */
function tell(severity, detail) {
    app.extensionManager.toast.add({ severity, summary: "Atelier", detail, life: 5000 });
}
