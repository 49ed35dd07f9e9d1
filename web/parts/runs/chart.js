// @ts-check
/** A chart of curves over steps: SVG, read by eye, by mouse, by arrow keys and by screen readers. */

import { make } from "../dom.js";
import { marks, nearest, path, rangeOf, share } from "./scale.js";
import { number } from "./words.js";

/** @typedef {import("./curves.js").Line} Line */

/**
 * @typedef {object} Drawn
 * @property {string} label
 * @property {string} colour
 * @property {Line} line
 * @property {boolean} [faint] drawn behind, and not read out
 * @property {boolean} [dashed]
 */

const SVG = "http://www.w3.org/2000/svg";
const EDGE = { left: 46, top: 8, right: 8, bottom: 20 };

/**
 * @param {string} kind
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
function draw(kind, attributes, text = "") {
    const element = document.createElementNS(SVG, kind);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    element.textContent = text;
    return element;
}

export class Chart {
    /** @param {string} label what is shown, for a screen reader */
    constructor(label) {
        this.label = label;
        /** @type {Drawn[]} */
        this.lines = [];
        this.log = false;
        this.most = 2;
        /** @type {number | null} */
        this.step = null;
        this.svg = /** @type {SVGSVGElement} */ (draw("svg", { "aria-hidden": "true" }));
        this.told = make("div", { class: "told", hidden: true });
        this.element = make("div", { class: "chart", role: "slider", tabindex: "0", "aria-label": label, "aria-valuemin": "0" });
        this.element.append(/** @type {any} */ (this.svg), this.told);
        this._listen();
        new ResizeObserver(() => this.draw()).observe(this.element);
    }

    /** @param {Drawn[]} lines @param {number} [most] the last step there will be */
    show(lines, most = 0) {
        this.lines = lines.filter(({ line }) => line[0].length > 0);
        this.most = Math.max(most, ...this.lines.map(({ line }) => line[0].at(-1) ?? 0), 2);
        this.draw();
    }

    _listen() {
        const { element } = this;
        element.addEventListener("pointermove", (event) => {
            const box = element.getBoundingClientRect(); // the canvas may show it larger or smaller
            const x = ((event.clientX - box.left) / (box.width || 1)) * element.clientWidth;
            this.point(((x - EDGE.left) / this._width) * this.most);
        });
        element.addEventListener("pointerleave", () => this.point(null));
        element.addEventListener("blur", () => this.point(null));
        element.addEventListener("keydown", (event) => {
            const by = { ArrowRight: 0.01, ArrowLeft: -0.01, PageUp: 0.1, PageDown: -0.1 }[event.key];
            const to = { Home: 0, End: this.most }[event.key];
            if (by === undefined && to === undefined) return;
            event.preventDefault();
            event.stopPropagation();
            this.point(to ?? (this.step ?? this.most) + Math.round((by ?? 0) * this.most || Math.sign(by ?? 0)));
        });
    }

    get _width() {
        return Math.max(10, this.element.clientWidth - EDGE.left - EDGE.right);
    }

    /** Read the curves at a step. @param {number | null} step */
    point(step) {
        this.step = step === null ? null : Math.min(this.most, Math.max(0, step));
        this._mark();
    }

    draw() {
        const { clientWidth: width, clientHeight: height } = this.element;
        if (!width || !height) return;
        const [wide, high] = [this._width, height - EDGE.top - EDGE.bottom];
        const clear = this.lines.filter((one) => !one.faint);
        const ranged = (clear.length ? clear : this.lines).map(({ line }) => line[1]);
        const range = rangeOf(ranged, this.log);
        const x = (/** @type {number} */ step) => EDGE.left + (step / this.most) * wide;
        const y = (/** @type {number} */ value) =>
            this.log && value <= 0 ? NaN : EDGE.top + (1 - share(value, range)) * high;
        this._x = x;
        this._y = y;
        /** @type {Element[]} */
        const parts = [];
        for (const value of marks(range, Math.max(2, Math.floor(high / 36)))) {
            parts.push(draw("path", { class: "mark", d: `M${EDGE.left} ${y(value).toFixed(1)}h${wide}` }));
            parts.push(draw("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)));
        }
        for (const step of marks({ least: 0, most: this.most, log: false }, Math.max(2, Math.floor(wide / 80))))
            parts.push(draw("text", { x: x(step), y: height - 5, "text-anchor": x(step) > width - 24 ? "end" : "middle" }, String(step)));
        for (const { line, colour, faint, dashed } of [...this.lines].sort((a, b) => Number(Boolean(b.faint)) - Number(Boolean(a.faint)))) {
            const kind = `line${faint ? " faint" : ""}${dashed ? " dashed" : ""}`;
            if (line[0].length === 1) parts.push(draw("circle", { class: kind, cx: x(line[0][0]), cy: y(line[1][0]), r: 2.5, fill: colour, stroke: colour }));
            else parts.push(draw("path", { class: kind, d: path(line, x, y), stroke: colour }));
        }
        this.marker = draw("g", {});
        this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        this.svg.replaceChildren(...parts, this.marker);
        this.element.setAttribute("aria-valuemax", String(this.most));
        this._mark();
    }

    _mark() {
        const { step } = this;
        const at = step ?? this.most;
        const read = this.lines.filter((one) => !one.faint).map(({ label, colour, line }) => {
            const place = nearest(line[0], at);
            return { label, colour, step: line[0][place], value: line[1][place] };
        });
        const words = read.map(({ label, value }) => `${label} ${number(value)}`).join(", ");
        const shown = read.length ? Math.round(step === null ? at : read[0].step) : 0;
        this.element.setAttribute("aria-valuenow", String(shown));
        this.element.setAttribute("aria-valuetext", read.length ? `step ${shown}: ${words}` : "no step yet");
        this.told.hidden = step === null || !read.length;
        if (!this.marker) return;
        this.marker.replaceChildren();
        if (this.told.hidden || !this._x || !this._y) return;
        const x = this._x(at);
        this.marker.append(draw("path", { class: "at", d: `M${x.toFixed(1)} ${EDGE.top}V${this.element.clientHeight - EDGE.bottom}` }));
        for (const { colour, step: own, value } of read)
            this.marker.append(draw("circle", { cx: this._x(own), cy: this._y(value), r: 3, fill: colour }));
        this.told.replaceChildren(
            make("b", {}, `step ${shown}`),
            ...read.map(({ label, colour, value }) => make("span", {}, swatch(colour), `${label} ${number(value)}`)),
        );
        this.told.classList.toggle("left", x > this.element.clientWidth / 2);
    }
}

/** @param {string} colour */
export function swatch(colour) {
    const element = make("i", { class: "swatch", "aria-hidden": "true" });
    element.style.background = colour;
    return element;
}

/** Colours that can be told apart on light and on dark ground. */
export const COLOURS = ["#3b82f6", "#e08a00", "#12a071", "#e5484d", "#8b5cf6", "#0aa5c2", "#d6409f", "#6f9b12"];
