// @ts-check
/** The labels of the columns, of which only those in sight are elements. */

import { make } from "../dom.js";
import { figure } from "./board.js";
import { named } from "./cell.js";

export class Heads {
    /** @param {import("./store.js").Store} store */
    constructor(store) {
        this.store = store;
        this.element = make("div", { role: "row", class: "heads", "aria-rowindex": "1" });
        /** @type {Map<number, HTMLElement>} by place */
        this._made = new Map();
    }

    clear() {
        const { gallery, board } = this.store;
        const text = gallery && !board.list ? `${board.rows.length} × ${board.columns.length}` : "Place";
        this._made.clear();
        this.element.replaceChildren(make("div", { role: "columnheader", class: "corner", "aria-colindex": "1" }, text));
    }

    /** @param {[number, number]} columns the first, and the first that is not there */
    draw([first, last]) {
        for (const [number, head] of [...this._made]) {
            if (number >= first && number < last) continue;
            head.remove();
            this._made.delete(number);
        }
        for (let number = first; number < last; number += 1) {
            if (this._made.has(number)) continue;
            const head = this._make(number);
            this._made.set(number, head);
            put(this.element, head, number);
        }
    }

    /** @param {number} number */
    _make(number) {
        const { board, gallery, order } = this.store;
        const line = board.columns[number];
        const own = gallery?.scores[order.by]?.columns[line.index];
        const best = line.index >= 0 && line.index === gallery?.recommendation?.column;
        const head = make(
            "div", { role: "columnheader", class: best ? "column best" : "column", "aria-colindex": String(number + 2) },
            make("span", { class: "label" }, `${best ? "★ " : ""}${line.label}`),
        );
        const told = [line.label, best ? "recommended" : ""];
        const text = own ? figure(own) : "";
        if (text) {
            head.append(make("span", { class: "mean" }, text));
            told.push(`${named(order.by)}: ${text}`);
        }
        head.title = told.filter(Boolean).join("\n");
        head.style.setProperty("--c", String(number));
        return head;
    }
}

/**
 * Put an element among the others by its number, so that it is read in its place.
 * @param {HTMLElement} row
 * @param {HTMLElement} element
 * @param {number} number
 */
export function put(row, element, number) {
    const index = (/** @type {Element} */ one) => Number(one.getAttribute("aria-colindex")) - 2;
    let after = row.lastElementChild;
    while (after && index(after) > number) after = after.previousElementSibling;
    row.insertBefore(element, after ? after.nextElementSibling : null);
}
