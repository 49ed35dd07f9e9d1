// @ts-check
/** One picture in the grid, with its caption beneath. */

import { make } from "../dom.js";
import { imageAddress } from "./server.js";

/** @typedef {import("./picture.js").Picture} Picture */

export const ROOM = 75; // tokens that CLIP reads of a prompt at once

/**
 * @param {number} index of the picture among those that are shown
 * @param {number} column from 1
 */
export function makeCell(index, column) {
    const tick = make("input", { type: "checkbox", tabindex: "-1", "aria-hidden": "true", class: "tick-box" });
    const frame = make("div", { class: "frame" }, tick, make("div", { class: "marks", "aria-hidden": "true" }));
    const cell = make(
        "div",
        { role: "gridcell", class: "cell", id: `cell-${index}`, "aria-colindex": String(column) },
        frame, make("div", { class: "caption" }), make("div", { class: "below", "aria-hidden": "true" }),
    );
    cell.dataset.index = String(index);
    return cell;
}

/**
 * Load the picture of a cell; not before it stays in sight.
 * @param {HTMLElement} cell
 * @param {string} folder
 * @param {Picture} picture
 * @param {"small" | "large"} size
 */
export function loadCell(cell, folder, picture, size) {
    const frame = /** @type {HTMLElement} */ (cell.querySelector(".frame"));
    if (picture.problem || frame.querySelector("img")) return;
    const image = make("img", { alt: "", draggable: "false", decoding: "async" });
    image.addEventListener("error", () => frame.classList.add("unseen"));
    image.src = imageAddress(folder, picture, size);
    frame.prepend(image);
}

/** @param {HTMLElement} cell */
export function unloadCell(cell) {
    cell.querySelector("img")?.removeAttribute("src"); // what was not yet sent need not be
}

/**
 * @param {HTMLElement} cell
 * @param {Picture} picture
 * @param {{ selected: boolean, current: boolean }} state
 */
export function dressCell(cell, picture, { selected, current }) {
    cell.classList.toggle("aside", picture.aside);
    cell.classList.toggle("current", current);
    cell.classList.toggle("selected", selected);
    cell.setAttribute("aria-selected", String(selected));
    cell.setAttribute("aria-label", spoken(picture));
    cell.title = [picture.problem || picture.name, ...picture.reasons].join("\n");
    const parts = cell.children;
    /** @type {HTMLInputElement} */ (cell.querySelector(".tick-box")).checked = selected;
    parts[0].classList.toggle("unseen", Boolean(picture.problem));
    parts[0].querySelector(".marks")?.replaceChildren(...marks(picture));
    const text = picture.draft ?? picture.caption;
    parts[1].classList.toggle("empty", !text.trim());
    if (!parts[1].querySelector("textarea")) parts[1].textContent = text.trim() ? text : "no caption";
    const long = picture.tokens !== null && picture.tokens > ROOM;
    parts[2].replaceChildren(
        make("span", { class: "name" }, picture.name),
        make("span", { class: long ? "tokens long" : "tokens" }, picture.tokens === null ? "" : `${picture.tokens}`),
    );
}

/** @param {Picture} picture */
function marks(picture) {
    const told = [];
    if (picture.draft !== null) told.push(["bad", "not saved"]);
    if (picture.aside) told.push(["", "set aside"]);
    else if (picture.decided) told.push(["good", "kept"]);
    if (picture.mask) told.push(["", "mask"]);
    for (const flag of new Set(picture.flags)) told.push(["bad", flag]);
    return told.slice(0, 4).map(([kind, text]) => make("span", { class: `mark ${kind}` }, text));
}

/** @param {Picture} picture for a screen reader */
function spoken(picture) {
    const text = (picture.draft ?? picture.caption).trim();
    const parts = [picture.name, text || "no caption"];
    if (picture.draft !== null) parts.push("not saved");
    if (picture.decided) parts.push(picture.aside ? "set aside" : "kept");
    if (picture.tokens !== null) parts.push(`${picture.tokens} tokens`);
    if (picture.mask) parts.push("has a mask");
    return [...parts, ...picture.flags, picture.problem].filter(Boolean).join(". ");
}
