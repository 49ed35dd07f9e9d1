// @ts-check
/** What Recommend Checkpoint said, with its plot, and the scores of all columns. */

import { make, openDialog } from "../dom.js";
import { figure, short } from "./board.js";
import { named } from "./cell.js";
import { plot, shown } from "./plot.js";

/** @typedef {import("./board.js").Gallery} Gallery */
/** @typedef {import("./plot.js").Range} Range */

/**
 * @param {HTMLElement} page
 * @param {import("./store.js").Store} store
 */
export function openAdvice(page, store) {
    const { gallery } = store;
    if (!gallery) return;
    openDialog(page, "What is recommended", "large advised", make(
        "div", { class: "advised", tabindex: "0", role: "region", "aria-label": "What is recommended, and scores" },
        ...said(gallery), ...drawn(gallery), scores(gallery),
    ));
}

/** @param {Gallery} gallery */
function said({ columns, recommendation }) {
    if (!recommendation) {
        return [make("p", { class: "note" }, "Nobody was asked yet: put Score Grid and Recommend Checkpoint behind the grid, then read it anew.")];
    }
    const { column, reasons, advice } = recommendation;
    const chosen = column === null ? "None can be recommended." : `★ ${columns[column] ?? `column ${column + 1}`}`;
    return [
        make("p", {}, make("strong", {}, chosen)), listed(reasons),
        ...(advice.length ? [make("h3", {}, "What to change next"), listed(advice)] : []),
    ];
}

/** @param {string[]} texts */
function listed(texts) {
    return texts.length ? make("ul", {}, ...texts.map((text) => make("li", {}, text))) : null;
}

/** The plot, and the same as a table. @param {Gallery} gallery */
function drawn({ recommendation }) {
    const points = recommendation?.points ?? [];
    if (!shown(points).length) return [];
    const rows = points.map(({ label, fidelity, prompt, flags, chosen }, place) => [
        String(place + 1), `${chosen ? "★ " : ""}${label}`, share(fidelity), share(prompt), flags.join(", ") || "–",
    ]);
    const note = "Bars are 95 % intervals; lines join the checkpoints of a strength. Red is outside a limit, or fragile, or undertrained; the ring is what is recommended.";
    return [
        make("h3", {}, "Identity over prompt following"), plot(points), make("p", { class: "note" }, note),
        wide("Points of the plot", ["", "Column", "Identity", "Prompts followed", "Against it"], rows),
    ];
}

/** @param {Range} one */
function share({ mean, low, high }) {
    const percent = (/** @type {number} */ value) => String(Math.round(100 * value));
    if (mean === null) return "not known";
    return `${percent(mean)} %${low === null || high === null ? "" : ` (${percent(low)} to ${percent(high)})`}`;
}

/** Every score of every column. @param {Gallery} gallery */
function scores({ columns, scores: found }) {
    const names = Object.keys(found);
    if (!names.length) return make("p", { class: "note" }, "This grid has no scores yet.");
    const rows = columns.map((label, column) => [label, ...names.map((name) => {
        const own = found[name].columns[column];
        return own ? figure(own) || "–" : "–";
    })]);
    const edges = names.map((name) => {
        const { better, floor, ceiling, encoder } = found[name];
        const ends = [["floor", floor], ["ceiling", ceiling]].filter(([, value]) => value !== null);
        return make("li", {}, make("strong", {}, named(name)), [
            ` by ${encoder}`, better === "none" ? "" : `${better} is better`, ...ends.map(([what, value]) => `${what} ${short(Number(value))}`),
        ].filter(Boolean).join("; "), `. ${found[name].says}`);
    });
    return make(
        "section", {}, make("h3", {}, "Scores of the columns"),
        wide("Means with 95 % intervals", ["Column", ...names.map(named)], rows), make("ul", { class: "note" }, ...edges),
    );
}

/**
 * @param {string} caption
 * @param {string[]} heads
 * @param {string[][]} rows
 */
function wide(caption, heads, rows) {
    return make(
        "table", { class: "strengths" }, make("caption", {}, caption),
        make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text || "No.")))),
        make("tbody", {}, ...rows.map(([first, ...rest]) => make("tr", {}, make("th", { scope: "row" }, first), ...rest.map((text) => make("td", {}, text))))),
    );
}
