// @ts-check
/** The axes of the sweep that is being made. They outlast a reload of the page. */

import { button, labelled, make } from "../dom.js";
import { axisOf, places, sweepable } from "./widgets.js";

const KEPT = "atelier-sweep-axes";
const HOW =
    "Commas or lines between values. 1e-5..1e-3 log 5; 4..64 x2; 0..1 5; 0..10 +2; " +
    "*.safetensors of a list; file prompts.txt; folders hats-*; for random and latin sweeps also 1e-5..1e-3 log";

/** @typedef {{ node: string, input: string, title: string, slot: number, values: string }} Axis */

export class Axes {
    /** @param {() => void} changed */
    constructor(changed) {
        this._changed = changed;
        /** @type {Axis[]} */
        this.list = read();
        /** @type {HTMLElement[]} */
        this._wrong = [];
        this.node = make("select", {});
        this.input = make("select", {});
        this.rows = make("ul", { class: "axes", "aria-label": "What changes" });
        this.node.addEventListener("change", () => this._inputs());
        const form = make(
            "form", { class: "bar" }, labelled("Node", this.node), labelled("Setting", this.input),
            make("button", { type: "submit", title: "Add this setting to the sweep" }, "Add"),
        );
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            const place = places().find((one) => one.node === this.node.value);
            if (place && this.input.value) this.add(axisOf(place, this.input.value));
        });
        this.element = make("div", {}, this.rows, form);
        this._draw();
    }

    /** @param {Axis} axis */
    add(axis) {
        const there = this.list.findIndex((one) => one.node === axis.node && one.input === axis.input);
        if (there < 0) this.list.push(axis);
        this._keep();
        this._draw();
        const row = this.rows.children[there < 0 ? this.list.length - 1 : there];
        row?.querySelector("textarea")?.select();
    }

    /** Offer the nodes that the graph has now. */
    offer() {
        const chosen = this.node.value;
        const found = places().filter((place) => sweepable(place.owner).length);
        this.node.replaceChildren(
            ...found.map((place) => make("option", { value: place.node }, `${place.title} (${place.node})`)),
        );
        if (found.some((place) => place.node === chosen)) this.node.value = chosen;
        this._inputs();
    }

    /** Choose a node, so that one of its settings can be. @param {string} node */
    goTo(node) {
        this.offer();
        if ([...this.node.options].some((one) => one.value === node)) this.node.value = node;
        this._inputs();
        this.input.focus();
    }

    _inputs() {
        const place = places().find((one) => one.node === this.node.value);
        const names = place ? sweepable(place.owner) : [];
        this.input.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    }

    /** @param {string[]} wrong what is wrong with each axis */
    say(wrong) {
        this._wrong.forEach((place, number) => {
            place.textContent = wrong[number] ?? "";
            place.parentElement?.querySelector("textarea")?.setAttribute("aria-invalid", String(!!wrong[number]));
        });
    }

    _draw() {
        this._wrong = [];
        this.rows.replaceChildren(...this.list.map((axis, number) => this._row(axis, number)));
        if (!this.list.length) {
            this.rows.append(
                make("li", { class: "note" }, "Nothing yet. Right-click a node, Add to sweep, or choose below."),
            );
        }
    }

    /**
     * @param {Axis} axis
     * @param {number} number
     */
    _row(axis, number) {
        const lines = Math.min(6, Math.max(1, axis.values.split("\n").length));
        const values = make("textarea", { rows: String(lines), title: HOW, spellcheck: "false" });
        values.value = axis.values;
        values.addEventListener("input", () => {
            axis.values = values.value;
            this._keep();
        });
        const name = `${axis.title}: ${axis.input}`;
        const gone = button("×", "Take it out of the sweep", () => {
            this.list.splice(number, 1);
            this._keep();
            this._draw();
        }, { "aria-label": `Take out ${name}` });
        const wrong = make("p", { class: "wrong", role: "alert" });
        this._wrong[number] = wrong;
        return make("li", {}, labelled(name, values), gone, wrong);
    }

    _keep() {
        sessionStorage.setItem(KEPT, JSON.stringify(this.list));
        this._changed();
    }
}

/** @returns {Axis[]} */
function read() {
    try {
        const found = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
        return Array.isArray(found) ? found : [];
    } catch {
        return [];
    }
}
