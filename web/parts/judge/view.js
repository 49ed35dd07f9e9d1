// @ts-check
/** The table of pictures: zoomed and moved, its labels staying; only what is in sight is elements. */

import { make } from "../dom.js";
import { dressCell, loadCell, makeCell, unloadCell } from "./cell.js";
import { Heads, put } from "./heads.js";
import { bounded, fitted, inSight, reveal, stay } from "./lay.js";

/** @typedef {import("./board.js").Cell} Cell */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {{ element: HTMLElement, cells: Map<number, HTMLElement> }} Row */

const REST = 90; // milliseconds without moving before pictures are asked for
const A_FRAME = 80; // cells that are made at once
const TOP = 46;
const START = [72, 200]; // pixels of a picture: as many columns as may be are in sight

export class View {
    /** @param {Store} store */
    constructor(store) {
        this.store = store;
        this.width = START[1];
        this.ratio = 1;
        this.cursor = { row: 0, column: 0 };
        this.heads = new Heads(store);
        this.body = make("div", { role: "rowgroup" });
        this.sheet = make("div", { class: "plane" }, make("div", { role: "rowgroup", class: "over" }, this.heads.element), this.body);
        this.element = make(
            "div",
            { class: "table", role: "grid", tabindex: "0", "aria-multiselectable": "true", "aria-label": "Pictures of the grid" },
            this.sheet,
        );
        /** @type {Map<number, Row>} rows that are elements, by number */
        this.rows = new Map();
        this._frame = 0;
        this._rest = 0;
        this._fresh = true;
        this.element.addEventListener("scroll", () => this._moved(), { passive: true });
        new ResizeObserver(() => {
            if (!this.element.clientWidth) return;
            if (this._fresh) this._start();
            this._size();
            this._moved();
        }).observe(this.element);
        store.addEventListener("opened", (event) => this._opened(/** @type {CustomEvent} */ (event).detail.again));
        store.addEventListener("shown", () => this._shown());
        store.addEventListener("picked", () => this.dress());
    }

    get height() {
        return Math.max(16, this.width / this.ratio);
    }

    /** Pixels of the row labels. */
    get left() {
        return this.element.clientWidth < 560 ? 96 : 190;
    }

    /** @returns {Cell | null} */
    get current() {
        return this.cellAt(this.cursor.row, this.cursor.column);
    }

    /** @param {number} row @param {number} column */
    cellAt(row, column) {
        return this.store.board.cells[row]?.[column] ?? null;
    }

    /** @param {boolean} again */
    _opened(again) {
        const { width, height } = this.store.gallery?.sampling ?? {};
        const ratio = Number(width) / Number(height);
        this.ratio = ratio > 0.1 && ratio < 10 ? ratio : 1;
        if (again) return;
        this.cursor = { row: 0, column: 0 };
        this.element.scrollTo(0, 0);
        this._start();
    }

    /** The zoom of a grid that was just opened; later, where the table is not to be seen yet. */
    _start() {
        this._fresh = !this.element.clientWidth;
        const room = (this.element.clientWidth - this.left) / (this.store.gallery?.columns.length || 1);
        this.width = Math.max(START[0], Math.min(START[1], Math.floor(room)));
    }

    _shown() {
        const { rows, columns } = this.store.board;
        this.cursor.row = Math.max(0, Math.min(rows.length - 1, this.cursor.row));
        this.cursor.column = Math.max(0, Math.min(columns.length - 1, this.cursor.column));
        this.element.setAttribute("aria-rowcount", String(rows.length + 1));
        this.element.setAttribute("aria-colcount", String(columns.length + 1));
        this._clear();
        this._size();
        this._moved();
    }

    _size() {
        const { rows, columns } = this.store.board;
        const { style } = this.sheet;
        style.setProperty("--w", `${this.width}px`);
        style.setProperty("--h", `${this.height}px`);
        style.setProperty("--left", `${this.left}px`);
        style.setProperty("--top", `${TOP}px`);
        style.width = `${this.left + columns.length * this.width}px`;
        style.height = `${TOP + rows.length * this.height}px`;
        this.sheet.classList.toggle("small", this.width < 70);
    }

    _clear() {
        for (const number of [...this.rows.keys()]) this._dropRow(number);
        this.heads.clear();
    }

    /** @param {number} number */
    _dropRow(number) {
        const row = this.rows.get(number);
        for (const cell of row?.cells.values() ?? []) unloadCell(cell);
        row?.element.remove();
        this.rows.delete(number);
    }

    _moved() {
        if (!this.element.clientWidth) return; // hidden
        if (!this._frame) this._frame = requestAnimationFrame(() => this.draw());
        clearTimeout(this._rest);
        this._rest = window.setTimeout(() => this._rested(), REST);
    }

    /** Make what came into sight, some in each frame, and let go of what left it. */
    draw() {
        this._frame = 0;
        const { board } = this.store;
        const { scrollTop, scrollLeft, clientWidth, clientHeight } = this.element;
        const rows = inSight(board.rows.length, this.height, scrollTop, clientHeight - TOP);
        const columns = inSight(board.columns.length, this.width, scrollLeft, clientWidth - this.left);
        for (const number of [...this.rows.keys()]) {
            if (number < rows[0] || number >= rows[1]) this._dropRow(number);
        }
        this.heads.draw(columns);
        let left = A_FRAME;
        for (let number = rows[0]; number < rows[1]; number += 1) left = this._drawRow(number, columns, left);
        if (left <= 0) this._frame = requestAnimationFrame(() => this.draw());
        this._tellCursor();
    }

    /**
     * @param {number} number
     * @param {[number, number]} columns
     * @param {number} left how many cells may be made
     */
    _drawRow(number, [first, last], left) {
        let row = this.rows.get(number);
        if (!row) {
            if (left <= 0) return 0;
            row = this._makeRow(number);
        }
        for (const [column, cell] of [...row.cells]) {
            if (column >= first && column < last) continue;
            unloadCell(cell);
            cell.remove();
            row.cells.delete(column);
        }
        for (let column = first; column < last; column += 1) {
            if (row.cells.has(column)) continue;
            if (left <= 0) return 0;
            left -= 1;
            const cell = makeCell(number, column);
            row.cells.set(column, cell);
            dressCell(cell, this.cellAt(number, column), this.store, this._isCursor(number, column));
            put(row.element, cell, column);
        }
        return left;
    }

    /** @param {number} number @returns {Row} */
    _makeRow(number) {
        const { label } = this.store.board.rows[number];
        const head = make("div", { role: "rowheader", class: "side-head", "aria-colindex": "1", title: label }, make("span", { class: "label" }, label));
        const element = make("div", { role: "row", class: "line", "aria-rowindex": String(number + 2) }, head);
        element.style.setProperty("--r", String(number));
        const row = { element, cells: new Map() };
        this.rows.set(number, row);
        const after = [...this.rows.keys()].filter((other) => other > number).sort((a, b) => a - b)[0];
        this.body.insertBefore(element, this.rows.get(after)?.element ?? null); // as it is read
        return row;
    }

    /** Pictures are asked for where the table rests. */
    _rested() {
        if (this._frame) { // not all are there yet
            this._rest = window.setTimeout(() => this._rested(), REST);
            return;
        }
        for (const [number, row] of this.rows) {
            for (const [column, element] of row.cells) {
                const cell = this.cellAt(number, column);
                if (cell) loadCell(element, cell, this.store, this.width * devicePixelRatio);
            }
        }
    }

    dress() {
        for (const [number, row] of this.rows) {
            for (const [column, element] of row.cells) {
                dressCell(element, this.cellAt(number, column), this.store, this._isCursor(number, column));
            }
        }
        this._tellCursor();
    }

    /** @param {number} row @param {number} column */
    _isCursor(row, column) {
        return row === this.cursor.row && column === this.cursor.column;
    }

    _tellCursor() {
        const cell = this.rows.get(this.cursor.row)?.cells.get(this.cursor.column);
        if (cell) this.element.setAttribute("aria-activedescendant", cell.id);
        else this.element.removeAttribute("aria-activedescendant");
    }

    /** Give the keyboard to a cell, and show it. @param {number} row @param {number} column */
    moveTo(row, column) {
        const { board } = this.store;
        const before = this.cursor;
        const down = Math.max(0, Math.min(board.rows.length - 1, row));
        const last = board.list ? (board.cells[down]?.indexOf(null) ?? -1) : -1; // of the last row
        const most = last < 0 ? board.columns.length : last;
        this.cursor = { row: down, column: Math.max(0, Math.min(most - 1, column)) };
        const { scrollTop, scrollLeft, clientWidth, clientHeight } = this.element;
        const top = reveal(this.cursor.row, this.height, scrollTop, clientHeight - TOP);
        const left = reveal(this.cursor.column, this.width, scrollLeft, clientWidth - this.left);
        if (top !== scrollTop || left !== scrollLeft) this.element.scrollTo(left, top);
        for (const { row: r, column: c } of [before, this.cursor]) {
            const element = this.rows.get(r)?.cells.get(c);
            if (element) dressCell(element, this.cellAt(r, c), this.store, this._isCursor(r, c));
        }
        this._moved();
        this._tellCursor();
        this.store.tell("moved");
    }

    /**
     * @param {number} width of a picture
     * @param {{ x: number, y: number }} [at] what stays in its place, in pixels of the window
     */
    zoom(width, at = { x: this.left, y: TOP }) {
        const before = this.width;
        this.width = bounded(width);
        if (this.width === before) return;
        const { scrollTop, scrollLeft } = this.element;
        const factor = this.width / before;
        this._size();
        this.element.scrollTo(stay(scrollLeft, at.x, this.left, factor), stay(scrollTop, at.y, TOP, factor));
        this._moved();
        this.store.tell("zoomed");
    }

    /** All in sight. */
    fit() {
        const { rows, columns } = this.store.board;
        const { clientWidth, clientHeight } = this.element;
        this.zoom(fitted(rows.length, columns.length, this.ratio, clientWidth - this.left, clientHeight - TOP));
    }

    /** How many rows are a page. */
    get page() {
        return Math.max(1, Math.floor((this.element.clientHeight - TOP) / this.height));
    }
}
