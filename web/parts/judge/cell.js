// @ts-check
/** One picture of the grid. */

import { make } from "../dom.js";
import { short, spoken } from "./board.js";

/** @typedef {import("./board.js").Cell} Cell */
/** @typedef {import("./store.js").Store} Store */

/** @type {("small" | "large" | "full")[]} */
const SIZES = ["small", "large", "full"];
const ENOUGH = [220, 1200]; // pixels that the small and the large pictures are good for

/**
 * @param {number} row
 * @param {number} column
 */
export function makeCell(row, column) {
    const cell = make("div", {
        role: "gridcell", class: "tile", id: `tile-${row}-${column}`, "aria-colindex": String(column + 2),
    });
    cell.style.setProperty("--c", String(column));
    return cell;
}

/**
 * @param {HTMLElement} element
 * @param {Cell | null} cell
 * @param {Store} store
 * @param {boolean} current
 */
export function dressCell(element, cell, store, current) {
    element.classList.toggle("current", current);
    if (!cell || !store.gallery) {
        element.classList.add("none");
        element.setAttribute("aria-label", "nothing");
        return;
    }
    const picked = store.picked.indexOf(cell);
    element.classList.toggle("picked", picked >= 0);
    element.setAttribute("aria-selected", String(picked >= 0));
    const missing = store.missing.has(cell.key);
    element.classList.toggle("missing", missing);
    const score = store.order.by ? store.gallery.scores[store.order.by]?.cells[cell.key] : undefined;
    const value = score === undefined ? "" : short(score);
    const what = spoken(store.gallery, cell);
    const told = [what, value && `${named(store.order.by)} ${value}`, missing && "no picture", picked >= 0 && `picked as ${"AB"[picked]}`];
    element.setAttribute("aria-label", told.filter(Boolean).join(". "));
    element.title = told.filter(Boolean).join("\n");
    const marks = [
        value && make("span", { class: "mark value" }, value),
        picked >= 0 && make("span", { class: "mark letter" }, "AB"[picked]),
        missing && make("span", { class: "mark gone" }, "no picture"),
        store.board.list && make("span", { class: "mark what" }, store.gallery.columns[cell.column]),
    ];
    for (const old of element.querySelectorAll(".mark")) old.remove();
    element.append(...marks.filter((one) => one instanceof HTMLElement));
}

/** A score's name as people write it. @param {string} name */
export function named(name) {
    return name.replaceAll("_", " ");
}

/**
 * Load the picture of a cell, as large as it is seen.
 * @param {HTMLElement} element
 * @param {Cell} cell
 * @param {Store} store
 * @param {number} width pixels on the screen
 */
export function loadCell(element, cell, store, width) {
    if (!store.gallery || store.missing.has(cell.key)) return;
    const wanted = ENOUGH.filter((enough) => width > enough).length;
    const before = element.querySelector("img");
    if (before && Number(before.dataset.size) >= wanted) return;
    const image = before ?? make("img", { alt: "", draggable: "false", decoding: "async" });
    image.dataset.size = String(wanted);
    if (!before) {
        image.addEventListener("error", () => element.classList.add("unseen"));
        element.prepend(image);
    }
    image.src = store.source.image(store.gallery, cell.key, SIZES[wanted]);
}

/** @param {HTMLElement} element */
export function unloadCell(element) {
    element.querySelector("img")?.removeAttribute("src"); // what was not yet sent need not be
}
