// @ts-check
/** Thousands of pictures, of which only those in sight are elements. */

import { dressCell, loadCell, makeCell, unloadCell } from "./cell.js";
import { make } from "../dom.js";
import { layOut, scrolledTo, seen, topOf } from "./layout.js";

/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {import("./store.js").Store} Store */

const ENOUGH = 240; // pixels that the small pictures are good for
const REST = 90; // milliseconds without scrolling before pictures are asked for

export class Grid {
    /** @param {Store} store */
    constructor(store) {
        this.store = store;
        this.size = 140; // pixels of a picture that are wished for
        this.cursor = 0; // which of those shown has the keyboard
        this.layout = layOut(0, 0, this.size);
        this.sheet = make("div", { class: "sheet", role: "rowgroup" });
        this.element = make(
            "div",
            { class: "grid", role: "grid", tabindex: "0", "aria-multiselectable": "true", "aria-label": "Pictures" },
            this.sheet,
        );
        /** @type {Map<number, HTMLElement>} rows that are elements, by number */
        this.rows = new Map();
        /** @type {number | null} the row in which a caption is edited: it stays */
        this.pinned = null;
        /** @type {(() => void) | null} ends the editing of a caption and saves it */
        this.commit = null;
        this._frame = 0;
        this._rest = 0;
        this._top = 0;
        this.element.addEventListener("scroll", () => this._scrolled(), { passive: true });
        new ResizeObserver(() => this._resized()).observe(this.element);
        store.addEventListener("shown", () => this._shown());
        store.addEventListener("changed", () => this.dress());
        store.addEventListener("selected", () => this.dress());
    }

    get current() {
        return this.store.shown[this.cursor] ?? null;
    }

    /** @param {number} size */
    setSize(size) {
        this.size = size;
        this._resized();
    }

    _shown() {
        const before = this._current;
        const again = before ? this.store.shown.findIndex((one) => one.name === before.name) : 0;
        this.cursor = Math.max(0, again);
        this._lay();
        this._clear();
        this.draw();
        this._rested();
    }

    _resized() {
        if (!this.element.clientWidth) return; // hidden
        const before = this.layout;
        this._lay();
        const same = before.columns === this.layout.columns && before.cell === this.layout.cell;
        if (!same) {
            this._clear();
            const row = Math.floor(this._top / before.row) * before.columns;
            if (before.row) this.element.scrollTop = Math.floor(row / this.layout.columns) * this.layout.row;
        }
        if (same && this.element.scrollTop !== this._top) this.element.scrollTop = this._top; // shown again
        this.draw();
        this._rested();
    }

    _lay() {
        const { clientWidth } = this.element;
        this.layout = layOut(clientWidth || 300, this.store.shown.length, this.size);
        this.sheet.style.height = `${this.layout.height}px`;
        this.sheet.style.setProperty("--cell", `${this.layout.cell}px`);
        this.element.setAttribute("aria-rowcount", String(this.layout.rows));
        this.element.setAttribute("aria-colcount", String(this.layout.columns));
    }

    _clear() {
        this.commit?.(); // an element that is removed hears no blur
        for (const number of [...this.rows.keys()]) this._drop(number);
    }

    /** @param {number} number */
    _drop(number) {
        const row = this.rows.get(number);
        for (const cell of row?.children ?? []) unloadCell(/** @type {HTMLElement} */ (cell));
        row?.remove();
        this.rows.delete(number);
    }

    _scrolled() {
        if (this.element.clientWidth) this._top = this.element.scrollTop;
        if (!this._frame) this._frame = requestAnimationFrame(() => this.draw());
        clearTimeout(this._rest);
        this._rest = window.setTimeout(() => this._rested(), REST);
    }

    /** Make rows that came into sight, and let go of those that left it. */
    draw() {
        this._frame = 0;
        const [first, last] = seen(this.layout, this._top, this.element.clientHeight);
        for (const number of [...this.rows.keys()]) {
            if ((number < first || number >= last) && number !== this.pinned) this._drop(number);
        }
        for (let number = first; number < last; number += 1) {
            if (!this.rows.has(number)) this._make(number);
        }
        this._tellCursor();
    }

    /** Pictures are asked for where the grid rests. */
    _rested() {
        const size = this.layout.cell * devicePixelRatio > ENOUGH ? "large" : "small";
        for (const row of this.rows.values()) {
            for (const cell of row.children) {
                const picture = this.pictureOf(/** @type {HTMLElement} */ (cell));
                if (picture) loadCell(/** @type {HTMLElement} */ (cell), this.store.folder, picture, size);
            }
        }
    }

    /** @param {number} number */
    _make(number) {
        const start = number * this.layout.columns;
        const own = this.store.shown.slice(start, start + this.layout.columns);
        const row = make("div", { role: "row", class: "row", "aria-rowindex": String(number + 1) });
        row.style.transform = `translateY(${topOf(this.layout, number)}px)`;
        row.append(...own.map((_picture, column) => makeCell(start + column, column + 1)));
        this.rows.set(number, row);
        this._dressRow(row);
        const after = [...this.rows].filter(([other]) => other > number).sort((a, b) => a[0] - b[0])[0];
        this.sheet.insertBefore(row, after ? after[1] : null); // in the order in which it is read
    }

    dress() {
        for (const row of this.rows.values()) this._dressRow(row);
        this._tellCursor();
    }

    /** @param {HTMLElement} row */
    _dressRow(row) {
        for (const cell of /** @type {Iterable<HTMLElement>} */ (row.children)) {
            const picture = this.pictureOf(cell);
            if (!picture) continue;
            const current = Number(cell.dataset.index) === this.cursor;
            dressCell(cell, picture, { selected: this.store.selection.has(picture), current });
        }
    }

    _tellCursor() {
        this._current = this.current;
        const cell = this.cellOf(this.cursor);
        if (cell) this.element.setAttribute("aria-activedescendant", cell.id);
        else this.element.removeAttribute("aria-activedescendant");
    }

    /** @param {HTMLElement} cell */
    pictureOf(cell) {
        return this.store.shown[Number(cell.dataset.index)] ?? null;
    }

    /** @param {number} index @returns {HTMLElement | null} */
    cellOf(index) {
        const row = this.rows.get(Math.floor(index / this.layout.columns));
        return /** @type {HTMLElement | null} */ (row?.children[index % this.layout.columns] ?? null);
    }

    /** Give the keyboard to a picture, and show it. @param {number} index */
    moveTo(index) {
        const most = this.store.shown.length - 1;
        this.cursor = Math.max(0, Math.min(most, index));
        const row = Math.floor(this.cursor / this.layout.columns);
        const top = scrolledTo(this.layout, row, this.element.scrollTop, this.element.clientHeight);
        if (top !== this.element.scrollTop) {
            this.element.scrollTop = top;
            this._top = this.element.scrollTop;
            this._scrolled();
        }
        this.draw();
        this.dress();
    }

    /** How many pictures are a page. */
    get page() {
        const rows = Math.max(1, Math.floor(this.element.clientHeight / this.layout.row));
        return rows * this.layout.columns;
    }
}
