// @ts-check
/** How often each tag occurs among the pictures that are shown; a click filters. */

import { countTags, fold } from "./captions.js";
import { make } from "../dom.js";
import { tagTerm } from "./filter.js";

const MOST = 400;

export class Tags {
    /**
     * @param {import("./store.js").Store} store
     * @param {(term: string, exclude: boolean) => void} narrow
     */
    constructor(store, narrow) {
        this.store = store;
        this.list = make("ul", { class: "tags", "aria-label": "Tags" });
        this.search = make("input", { type: "search", placeholder: "Find a tag", "aria-label": "Find a tag" });
        this.search.addEventListener("input", () => this._list());
        this.note = make("p", { class: "note" });
        const help = make("p", { class: "note" }, "Click: only with it. Shift+click: only without.");
        this.element = make("section", { class: "side", "aria-label": "Tags", hidden: true }, this.search, help, this.list, this.note);
        /** @type {{ tag: string, count: number }[]} */
        this._counts = [];
        this.list.addEventListener("click", (event) => {
            const found = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("button"));
            if (found) narrow(tagTerm(found.dataset.tag ?? ""), event.shiftKey);
        });
        for (const kind of ["shown", "changed"]) store.addEventListener(kind, () => this._later());
        this._waiting = 0;
    }

    /** @returns {boolean} whether it is to be seen now */
    toggle() {
        this.element.hidden = !this.element.hidden;
        if (!this.element.hidden) this._count();
        return !this.element.hidden;
    }

    _later() {
        if (this.element.hidden || this._waiting) return;
        this._waiting = window.setTimeout(() => {
            this._waiting = 0;
            this._count();
        }, 150);
    }

    _count() {
        this._counts = countTags(this.store.shown);
        this._list();
    }

    _list() {
        const wanted = fold(this.search.value);
        const found = wanted ? this._counts.filter(({ tag }) => fold(tag).includes(wanted)) : this._counts;
        const root = /** @type {ShadowRoot} */ (this.element.getRootNode());
        const held = /** @type {HTMLElement | null} */ (root.activeElement)?.dataset?.tag;
        this.list.replaceChildren(
            ...found.slice(0, MOST).map(({ tag, count }) => {
                const label = `${tag}, ${count} ${count === 1 ? "caption" : "captions"}`;
                const one = make(
                    "button", { type: "button", "data-tag": tag, "aria-label": label },
                    make("span", {}, tag), make("span", { class: "count" }, String(count)),
                );
                return make("li", {}, one);
            }),
        );
        if (held) for (const one of this.list.querySelectorAll("button")) if (one.dataset.tag === held) one.focus();
        const more = found.length - MOST;
        this.note.textContent = more > 0 ? `and ${more} more` : found.length ? "" : "No tag.";
    }
}
