// @ts-check
/** Which cells of a grid a person wants to see. Pure. */

import { FilterError, matcher, parse } from "../query.js";

/** @typedef {import("./board.js").Cell} Cell */
/** @typedef {import("./board.js").Gallery} Gallery */
/** @typedef {import("../query.js").Token} Token */

const TEXTS = ["row", "column", "prompt", "kind", "seed", "lora", "checkpoint"];
const STATES = ["recommended", "picked", "missing", "base"];

/**
 * @param {string} text
 * @param {Gallery} gallery
 * @param {(cell: Cell) => boolean} [picked]
 * @returns {(cell: Cell) => boolean} throws `FilterError` for a text that cannot be read
 */
export function compile(text, gallery, picked = () => false) {
    const scores = Object.keys(gallery.scores);
    return parse(text, [...TEXTS, "strength", "is", ...scores], (token) => {
        if (token.field === "is") return state(token, gallery, picked);
        if (token.field === "strength") return within(token, (cell) => cell.strength);
        if (scores.includes(token.field)) {
            const { cells } = gallery.scores[token.field];
            return within(token, (cell) => cells[cell.key] ?? null);
        }
        const test = matcher(fold(token.value), token.quoted, false);
        const texts = token.field ? [token.field] : TEXTS;
        return (cell) => texts.some((field) => test(fold(textOf(cell, field, gallery))));
    });
}

/** @param {string} text */
function fold(text) {
    return text.normalize("NFKC").toLowerCase();
}

/**
 * @param {Cell} cell
 * @param {string} field
 * @param {Gallery} gallery
 */
function textOf(cell, field, gallery) {
    if (field === "row") return gallery.rows[cell.row];
    if (field === "column") return gallery.columns[cell.column];
    return String(/** @type {any} */ (cell)[field] ?? "");
}

/**
 * @param {Token} token
 * @param {(cell: Cell) => number | null} of
 * @returns {(cell: Cell) => boolean}
 */
function within(token, of) {
    const number = "(-?\\d*\\.?\\d+)";
    const found = new RegExp(`^(?:(<=|>=|<|>|=)?${number}|${number}\\.\\.${number})$`).exec(token.value);
    if (!found) {
        const { field } = token;
        throw new FilterError(
            `“${field}:” wants a number, as in ${field}:>0.5, ${field}:1 or ${field}:0.2..0.8.`,
            token.at, token.end,
        );
    }
    const [, sign, limit, low, high] = found;
    /** @type {Record<string, (value: number) => boolean>} */
    const tests = {
        "<": (value) => value < Number(limit), "<=": (value) => value <= Number(limit),
        ">": (value) => value > Number(limit), ">=": (value) => value >= Number(limit),
    };
    const between = (/** @type {number} */ value) => value >= Number(low ?? limit) && value <= Number(high ?? limit);
    const test = tests[sign] ?? between;
    return (cell) => {
        const value = of(cell);
        return value !== null && test(value);
    };
}

/**
 * @param {Token} token
 * @param {Gallery} gallery
 * @param {(cell: Cell) => boolean} picked
 * @returns {(cell: Cell) => boolean}
 */
function state(token, gallery, picked) {
    const missing = new Set(gallery.missing);
    switch (token.value.toLowerCase()) {
        case "recommended": return (cell) => cell.column === gallery.recommendation?.column;
        case "picked": return picked;
        case "missing": return (cell) => missing.has(cell.key);
        case "base": return (cell) => !cell.lora && !cell.strength;
    }
    throw new FilterError(`“is:” wants one of: ${STATES.join(", ")}.`, token.at, token.end);
}
