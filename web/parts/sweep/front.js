// @ts-check
/** Of which scores the Pareto front is, and whether only its points are shown. */

import { labelled, make } from "../dom.js";
import { aims, frontWords } from "./told.js";

export class Front {
    /**
     * @param {() => void} chosen another front is wanted
     * @param {() => void} filtered
     */
    constructor(chosen, filtered) {
        this._chosen = chosen;
        /** @type {Set<string>} */
        this._names = new Set();
        this._offered = "";
        this.ticks = make("span", { class: "bar" });
        this.only = make("input", { type: "checkbox", title: "Hide the points that are not on the front" });
        this.only.addEventListener("change", filtered);
        this.told = make("p", { class: "counted", role: "status" });
        this.element = make(
            "fieldset", { class: "front" },
            make("legend", { title: "The points than which none is as good in every chosen score and better in one" }, "Pareto front"),
            this.ticks, labelled("Only the front", this.only), this.told,
        );
    }

    /** The scores that are chosen, where they are enough for a front. */
    get names() {
        return this._names.size > 1 ? [...this._names] : [];
    }

    /**
     * Whether a row is to be shown.
     * @param {any} table
     * @param {import("./told.js").Row} row
     */
    shows(table, row) {
        return !this.only.checked || !table.pareto || table.pareto.includes(row.point);
    }

    /**
     * Offer what the points of a table have, and say how the front stands.
     * @param {any} table
     */
    draw(table) {
        const found = aims(table);
        this.element.hidden = found.length < 2;
        this._names = new Set([...this._names].filter((name) => found.some((one) => one.name === name)));
        const offered = JSON.stringify(found);
        if (offered !== this._offered) this.ticks.replaceChildren(...found.map((one) => this._tick(one)));
        this._offered = offered;
        this.only.disabled = !table.pareto;
        this.told.textContent = frontWords([...this._names], table);
    }

    /** @param {{ name: string, label: string }} aim */
    _tick({ name, label }) {
        const tick = make("input", { type: "checkbox", name });
        tick.checked = this._names.has(name);
        tick.addEventListener("change", () => {
            if (tick.checked) this._names.add(name);
            else this._names.delete(name);
            this._chosen();
        });
        return labelled(label, tick);
    }
}
