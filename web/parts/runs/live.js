// @ts-check
/** What a training node shows of its run: the curve, the numbers, the samples, two buttons. */

import { button, make } from "../dom.js";
import { Chart, COLOURS } from "./chart.js";
import { follow } from "./feed.js";
import { ask, path, pictureAddress } from "./server.js";
import { clock, number, pace, size } from "./words.js";

/** @typedef {import("./feed.js").Followed} Followed */
/** @typedef {import("./query.js").Row} Row */

const NUMBERS = /** @type {const} */ ({
    loss: "Loss", held_out: "Held-out", learning_rate: "Rate", grad_norm: "Gradient", speed: "Speed", memory: "Memory",
});
const SAID = { running: "trains", finished: "finished", stopped: "stopped", failed: "failed", unfinished: "not finished" };

export class Live {
    /**
     * @param {object} page
     * @param {() => void} page.resized
     * @param {(run: string) => void} page.openRuns
     * @param {(severity: "success" | "error", text: string) => void} page.tell
     */
    constructor({ resized, openRuns, tell }) {
        this.name = "";
        this.note = "";
        this._resized = resized;
        this._tell = tell;
        /** @type {Row | null} */
        this.row = null;
        this._samples = "";
        this._leave = () => {};
        this.head = make("p", { class: "head" }, "No run yet. Press Run to train.");
        this.bar = make("progress", { max: "1", value: "0", "aria-label": "Steps done" });
        this.chart = new Chart("Loss");
        this.numbers = make("dl", { class: "numbers" });
        /** @type {Record<string, HTMLElement>} */
        this.values = {};
        for (const [key, label] of Object.entries(NUMBERS)) {
            this.values[key] = make("dd", {}, "–");
            this.numbers.append(make("div", {}, make("dt", {}, label), this.values[key]));
        }
        this.strip = make("div", { class: "strip", role: "group", "aria-label": "Samples, from the first step to the last" });
        this.plan = make("p", { class: "plan" });
        this.sampleButton = button("Sample now", "Draw pictures after the present step. What is learned stays the same.", () => void this.request("sample"));
        this.saveButton = button("Save now", "Write a checkpoint and a LoRA file into models/loras after the present step. The training goes on.", () => void this.request("save"));
        const all = button("All runs", "This run beside all others, in the side bar", () => openRuns(this.name));
        this.body = make(
            "div", { class: "body", hidden: true }, this.bar, this.chart.element, this.numbers, this.strip,
            make("div", { class: "buttons" }, this.sampleButton, this.saveButton, all), this.plan,
        );
        this.element = make("div", { class: "live", role: "region", "aria-label": "The run" }, this.head, this.body);
    }

    /** Show a run. @param {Row} row */
    show(row) {
        this.row = row;
        if (row.name !== this.name) {
            this._leave();
            this.name = row.name;
            this.note = "";
            this._samples = "";
            this.strip.replaceChildren();
            this.body.hidden = false;
            this._leave = follow(row.name, (run) => this.draw(run));
            void this.describe();
            this._resized();
        }
    }

    leave() {
        this._leave();
    }

    /** @param {Followed} run */
    draw(run) {
        const { telling, curves } = run;
        const row = /** @type {Row} */ (this.row);
        const state = telling?.state ?? /** @type {keyof typeof SAID} */ (row.state);
        const going = state === "running";
        const step = Math.max(telling?.step ?? 0, row.step, curves.series.loss?.[0].at(-1) ?? 0);
        const steps = telling?.steps ?? row.steps;
        const left = going && telling?.left ? `, ${clock(telling.left)} left` : "";
        this.head.textContent = `${row.title} ${SAID[state]}: step ${step} of ${steps}${left}`;
        const error = telling?.error || (telling ? "" : row.error);
        this.head.title = error;
        if (error) this.head.textContent += ` (${error.slice(0, 120)})`;
        this.head.classList.toggle("bad", state === "failed");
        this.bar.max = steps;
        this.bar.value = step;
        this.sampleButton.disabled = this.saveButton.disabled = !going;
        const told = (/** @type {string} */ key) => curves.series[key] ?? [[], []];
        this.chart.show([
            { label: "loss", colour: COLOURS[0], line: told("loss"), faint: true },
            { label: "smoothed", colour: COLOURS[0], line: told("smooth") },
            { label: "held-out", colour: COLOURS[1], line: told("held_out"), dashed: true },
        ]);
        /** @type {Record<string, string>} */
        const texts = {
            loss: number(curves.last("smooth")),
            held_out: number(curves.last("held_out")),
            learning_rate: number(curves.last("learning_rate")),
            grad_norm: number(curves.last("grad_norm")),
            speed: pace(telling?.speed || (curves.last("speed") ?? 0)),
            memory: size(telling?.memory || curves.last("memory")),
        };
        for (const [key, text] of Object.entries(texts)) {
            if (this.values[key].textContent !== text) this.values[key].textContent = text;
        }
        if (telling && telling.note !== this.note) {
            this.note = telling.note;
            if (telling.note) this._tell("success", telling.note);
            void this.describe();
        }
        const every = row.config.sample_every;
        const due = every ? Math.floor(step / every) : 0;
        const drawn = `${due} ${state}`;
        if (drawn !== this._samples) {
            this._samples = drawn;
            void this.describe();
        }
    }

    /** Plan and samples, as they are now. */
    async describe() {
        const { name } = this;
        const told = await ask(path(name, "/about")).catch(() => null);
        if (!told || name !== this.name) return;
        this.row = { .../** @type {Row} */ (this.row), ...told, state: told.running ? "running" : told.ended || this.row?.state };
        const memory = told.plan ? `A step keeps ${size(told.plan.recompute ? told.plan.step_recomputed : told.plan.step)}; ${size(told.plan.weights)} of base; ${told.plan.recompute ? "blocks are computed again" : "all is kept"}.` : "";
        this.plan.textContent = memory && `Plan: ${memory}`;
        const pictures = told.samples.map((/** @type {any} */ one) =>
            make("a", { href: pictureAddress(one.pictures[0]), target: "_blank", title: `Step ${one.step}`, draggable: "false" },
                make("img", { src: pictureAddress(one.pictures[0]), alt: `Sample of step ${one.step}`, loading: "lazy", draggable: "false" }),
                make("span", {}, String(one.step))),
        );
        const before = this.strip.childElementCount;
        this.strip.replaceChildren(...pictures);
        this.strip.hidden = !pictures.length;
        if (Boolean(before) !== Boolean(pictures.length)) this._resized();
        if (pictures.length > before) this.strip.scrollLeft = this.strip.scrollWidth;
    }

    /** @param {"sample" | "save"} what */
    async request(what) {
        try {
            await ask(path(this.name, `/${what}`), {});
            this._tell("success", what === "sample" ? "Samples are drawn after this step." : "It is saved after this step.");
        } catch (error) {
            this._tell("error", /** @type {Error} */ (error).message);
        }
    }

    /** Its height in pixels; 0 while it is not in the page. */
    get height() {
        return this.element.offsetHeight;
    }
}
