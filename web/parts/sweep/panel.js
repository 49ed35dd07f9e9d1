// @ts-check
/** The sweep panel: what changes, how many points that makes, Queue, and what came of it. */

import { api } from "../../../../scripts/api.js";
import { app } from "../../../../scripts/app.js";
import { button, labelled, make } from "../dom.js";
import { Axes } from "./axes.js";
import { showHelp } from "./help.js";
import { Results } from "./results.js";
import { ask, of } from "./server.js";
import { amount, duration } from "./told.js";

const MODES = {
    product: "every value with every other",
    paired: "first with first, second with second",
    latin: "latin hypercube: spread evenly",
    random: "at random",
};
const WAIT = 400; // ms after the last key, before the server is asked

export class Panel {
    constructor() {
        this._timer = 0;
        this._asked = 0;
        this.axes = new Axes(() => this._soon());
        this.results = new Results((text, wrong) => this.say(text, wrong), (name, points) => this._queue(name, points));
        this.name = make("input", { type: "text", value: "my-sweep", title: "Name of the sweep; its runs are called so, with a number", autocomplete: "off" });
        this.mode = make(
            "select", { title: "How values are combined" },
            ...Object.entries(MODES).map(([mode, text]) => make("option", { value: mode }, text)),
        );
        this.count = make("input", { type: "number", min: "1", max: "10000", value: "12", title: "How many points" });
        this.seed = make("input", { type: "number", min: "0", value: "1", title: "The same seed gives the same points" });
        this.drawn = make("span", { class: "bar" }, labelled("Points", this.count), labelled("Seed", this.seed));
        this.told = make("p", { class: "told", role: "status" });
        this.wrong = make("p", { class: "wrong", role: "alert" });
        this.queue = button("Queue", "Put one prompt for each point into the queue", () => void this._begin(), { class: "main" });
        this.status = make("p", { class: "status", role: "status" });
        for (const field of [this.name, this.mode, this.count, this.seed]) {
            field.addEventListener("input", () => this._soon());
        }
        this.element = make(
            "div", { class: "panel", role: "region", "aria-label": "Sweep" },
            make("div", { class: "bar" }, make("h2", {}, "New sweep"), button("?", "How values are written", () => showHelp(this.element), { "aria-label": "Help" })),
            this.axes.element,
            make("div", { class: "bar" }, labelled("Name", this.name), labelled("Combine", this.mode), this.drawn),
            this.told, this.wrong, make("div", { class: "bar" }, this.queue),
            make("h2", {}, "Sweeps"), this.results.element, this.status,
        );
        this._soon();
    }

    /**
     * @param {string} text
     * @param {boolean} [wrong]
     */
    say(text, wrong = false) {
        this.status.textContent = text;
        this.status.classList.toggle("bad", wrong);
    }

    /** The panel is seen: the graph may be another, and points may have been done. */
    async opened() {
        this.axes.offer();
        this._soon();
        await this.results.list().catch((error) => this.say(error.message, true));
    }

    /** The tab is left. */
    left() {
        this.results.stop();
    }

    /** Ask for the count when the keys have come to rest. */
    _soon() {
        clearTimeout(this._timer);
        this.drawn.hidden = !["random", "latin"].includes(this.mode.value);
        this.queue.disabled = true;
        this._timer = window.setTimeout(() => void this._preview(), WAIT);
    }

    async _body() {
        const { output, workflow } = await app.graphToPrompt();
        return {
            name: this.name.value,
            mode: this.mode.value,
            count: Math.max(0, Math.round(this.count.valueAsNumber || 0)),
            seed: Math.max(0, Math.round(this.seed.valueAsNumber || 0)),
            axes: this.axes.list.map(({ node, input, values, slot }) => ({ node, input, values, slot })),
            prompt: output,
            workflow,
        };
    }

    async _preview() {
        const turn = ++this._asked;
        if (!this.axes.list.length) {
            this.told.textContent = this.wrong.textContent = "";
            return;
        }
        try {
            const found = await ask("/preview", await this._body());
            if (turn !== this._asked) return; // a later one is on its way
            this.axes.say(found.wrong);
            this.wrong.textContent = found.wrong.some(Boolean) ? "" : found.error;
            this.told.textContent = found.error ? "" : summary(found);
            this.told.title = (found.names ?? []).join("\n");
            this.queue.disabled = Boolean(found.error);
        } catch (error) {
            if (turn !== this._asked) return;
            this.told.textContent = "";
            this.wrong.textContent = /** @type {Error} */ (error).message;
        }
    }

    async _begin() {
        this.queue.disabled = true;
        try {
            const made = await ask("", await this._body());
            await this._queue(made.name, made.points);
        } catch (error) {
            this.say(/** @type {Error} */ (error).message, true);
        }
        this.queue.disabled = false;
    }

    /**
     * One ordinary prompt for each point.
     * @param {string} name
     * @param {number[]} points
     */
    async _queue(name, points) {
        let refused = "";
        let queued = 0;
        for (const point of points) {
            this.say(`${name}: queueing ${queued + 1} of ${points.length}`);
            const found = await ask(`${of(name)}/points/${point}`);
            try {
                await api.queuePrompt(0, { output: found.prompt, workflow: found.workflow });
                queued += 1;
            } catch (error) {
                refused ||= `${found.name}: ${/** @type {Error} */ (error).message}`;
            }
        }
        this.say(refused ? `${queued} of ${points.length} queued. ${refused}` : `${name}: ${queued} points queued.`, Boolean(refused));
        await this.results.list();
        await this.results.show(name);
    }
}

/** @param {{ count: number, runs: number, seconds: number | null, bytes: number | null }} found */
function summary({ count, runs, seconds, bytes }) {
    const parts = [`${count} points, ${runs} trainings`];
    if (seconds === null || bytes === null) parts.push("time and disk are known after a first run");
    else parts.push(`about ${duration(seconds)} of training`, `${amount(bytes)} of disk`);
    return parts.join("; ");
}
