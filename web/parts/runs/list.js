// @ts-check
/** The list of runs: a listbox for the keyboard, a table for the eye. */

import { make } from "../dom.js";
import { swatch } from "./chart.js";
import { graphAddress } from "./server.js";
import { clock, number, when } from "./words.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./query.js").Row} Row */

export const DRAGGED = "application/x-atelier-run";
const PART = 200; // rows that are made at once
const PAGE = 10;

export class List {
    /** @param {Store} store */
    constructor(store) {
        this.store = store;
        this.count = PART;
        this.element = make("div", {
            class: "list", role: "listbox", tabindex: "0", "aria-multiselectable": "true", "aria-label": "Runs",
        });
        /** @type {Map<string, { element: HTMLElement, text: string }>} */
        this._made = new Map();
        for (const kind of ["shown", "current"]) store.addEventListener(kind, () => this.draw());
        this.element.addEventListener("scroll", () => {
            const { scrollTop, clientHeight, scrollHeight } = this.element;
            if (scrollTop + clientHeight > scrollHeight - 200 && this.count < store.shown.length) {
                this.count += PART;
                this.draw();
            }
        });
    }

    draw() {
        const { shown, current } = this.store;
        const elements = shown.slice(0, this.count).map((row, place) => this._row(row, place));
        const kept = this.element.children;
        if (elements.length !== kept.length || elements.some((one, place) => one !== kept[place])) {
            this.element.replaceChildren(...elements);
            if (!elements.length) this.element.append(make("p", { class: "note" }, this.store.rows.length ? "No run fits." : "No runs yet. Train LoRA makes them."));
        }
        const own = this._made.get(current)?.element;
        if (own?.isConnected) this.element.setAttribute("aria-activedescendant", own.id);
        else this.element.removeAttribute("aria-activedescendant");
    }

    /** @param {Row} row @param {number} place */
    _row(row, place) {
        const { chosen, current } = this.store;
        const colour = chosen.get(row.name) ?? "";
        const text = JSON.stringify([row, colour, row.name === current, place]);
        const known = this._made.get(row.name);
        if (known?.text === text) return known.element;
        const element = known?.element ?? this._make(row.name);
        this._made.set(row.name, { element, text });
        element.id = `run-${place}`;
        element.setAttribute("aria-selected", String(Boolean(colour)));
        element.className = `run ${row.state}${row.name === current ? " current" : ""}`;
        const loss = row.held_out === null ? `loss ${number(row.loss)}` : `held-out ${number(row.held_out)}`;
        const tags = row.tags.map((tag) => make("span", { class: "tag" }, tag));
        element.replaceChildren(
            make("span", { class: "box", "aria-hidden": "true" }, colour ? swatch(colour) : ""),
            make("span", { class: "title" }, row.title, ...tags),
            make("span", { class: "state" }, row.state === "finished" ? "" : row.state),
            make("span", { class: "numbers" }, `${row.step}/${row.steps}`, make("span", { class: "loss" }, loss), make("span", {}, row.seconds ? clock(row.seconds) : "")),
            make("span", { class: "when" }, when(row.begun)),
        );
        return element;
    }

    /** @param {string} name */
    _make(name) {
        const element = make("div", { role: "option", draggable: "true" });
        element.addEventListener("click", (event) => {
            this.store.go(name);
            const box = /** @type {Element} */ (event.target).closest(".box");
            if (box || event.ctrlKey || event.metaKey) this.store.toggle(name);
            this.element.focus({ preventScroll: true });
        });
        element.addEventListener("dragstart", (event) => {
            if (!event.dataTransfer) return;
            event.dataTransfer.setData(DRAGGED, name);
            event.dataTransfer.setData("text/uri-list", graphAddress(name)); // for what else takes addresses
            event.dataTransfer.effectAllowed = "copy";
        });
        return element;
    }

    /**
     * What a key does for the list; whether it does.
     * @param {KeyboardEvent} event
     */
    key(event) {
        const { shown, current } = this.store;
        const at = shown.findIndex(({ name }) => name === current);
        const to = {
            ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1, PageDown: at + PAGE, PageUp: at - PAGE,
        }[event.key];
        if (to !== undefined && shown.length) {
            const place = Math.min(shown.length - 1, Math.max(0, to));
            if (event.shiftKey && place !== at && !this.store.chosen.has(current)) this.store.toggle(current);
            while (place >= this.count) this.count += PART;
            this.store.go(shown[place].name);
            if (event.shiftKey && !this.store.chosen.has(shown[place].name)) this.store.toggle(shown[place].name);
            this._made.get(shown[place].name)?.element.scrollIntoView({ block: "nearest" });
            return true;
        }
        if (event.key === " " && current) {
            this.store.toggle(current);
            return true;
        }
        return false;
    }
}
