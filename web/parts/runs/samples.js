// @ts-check
/** The samples of the runs that are looked at, at one step, which is moved through by a slider. */

import { labelled, make } from "../dom.js";
import { swatch } from "./chart.js";
import { pictureAddress } from "./server.js";

/**
 * @typedef {object} Of The samples of a run.
 * @property {string} title
 * @property {string} colour
 * @property {string[]} prompts
 * @property {{ step: number, pictures: { number: number, filename: string, subfolder: string, stamp: number }[] }[]} samples
 */

export class Samples {
    constructor() {
        /** @type {Of[]} */
        this.runs = [];
        /** @type {number[]} */
        this.steps = [];
        this.slider = make("input", { type: "range", min: "0", max: "0", value: "0" });
        this.said = make("output", {});
        this.pictures = make("div", { class: "pictures" });
        this.element = make("section", { class: "samples", "aria-label": "Samples", hidden: true },
            make("div", { class: "bar" }, labelled("Samples of step", this.slider), this.said), this.pictures);
        this.slider.addEventListener("input", () => this.draw());
    }

    /** @param {Of[]} runs */
    show(runs) {
        const atEnd = Number(this.slider.value) >= this.steps.length - 1;
        const before = this.steps[Number(this.slider.value)];
        this.runs = runs.filter(({ samples }) => samples.length);
        this.steps = [...new Set(this.runs.flatMap(({ samples }) => samples.map(({ step }) => step)))].sort((a, b) => a - b);
        this.element.hidden = !this.steps.length;
        this.slider.max = String(Math.max(0, this.steps.length - 1));
        const same = this.steps.findLastIndex((step) => step <= before);
        this.slider.value = String(atEnd || same < 0 ? this.steps.length - 1 : same);
        this.draw();
    }

    draw() {
        const step = this.steps[Number(this.slider.value)] ?? 0;
        this.said.textContent = String(step);
        this.slider.setAttribute("aria-valuetext", `step ${step}`);
        this.pictures.replaceChildren(...this.runs.map((run) => row(run, step)));
    }
}

/** The newest pictures of a run that are not after a step. @param {Of} run @param {number} step */
function row({ title, colour, prompts, samples }, step) {
    const found = samples.findLast((one) => one.step <= step);
    const pictures = (found?.pictures ?? []).map((picture) => {
        const prompt = prompts[picture.number - 1] ?? "";
        const address = pictureAddress(picture);
        const text = `${title}, step ${found?.step}${prompt && `: ${prompt}`}`;
        return make("figure", {},
            make("a", { href: address, target: "_blank" }, make("img", { src: address, alt: text })),
            make("figcaption", {}, prompt));
    });
    const when = found ? (found.step === step ? "" : `, step ${found.step}`) : ", none yet";
    return make("div", { class: "of" }, make("p", {}, swatch(colour), `${title}${when}`), make("div", { class: "row" }, ...pictures));
}
