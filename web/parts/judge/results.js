// @ts-check
/** What the votes say: each column's chance to be preferred, with its interval drawn. */

import { make, openDialog } from "../dom.js";
import { chance } from "./bradley-terry.js";
import { part } from "./svg.js";

/** @typedef {import("./bradley-terry.js").Strength} Strength */

const WIDE = 240;

/**
 * @param {HTMLElement} page
 * @param {import("./store.js").Store} store
 * @param {import("./vote.js").Cast[]} [cast] just now, to be told which was which
 */
export async function openResults(page, store, cast = []) {
    const { gallery } = store;
    if (!gallery) return;
    const found = await store.source.results(gallery).catch((error) => {
        store.say(error.message, true);
        return null;
    });
    if (!found) return;
    const rows = found.columns
        .map((strength, column) => ({ strength, label: gallery.columns[column] }))
        .sort((a, b) => (b.strength.score ?? -Infinity) - (a.strength.score ?? -Infinity));
    openDialog(
        page, "What the votes say", "large results",
        make("p", { class: "note" }, about(found)),
        make(
            "table", { class: "strengths" },
            make("thead", {}, make("tr", {}, ...["Column", "Votes", "Won", "Preferred to the average", "95 %"].map((text) => make("th", { scope: "col" }, text)))),
            make("tbody", {}, ...rows.map(({ strength, label }) => rowOf(strength, label))),
        ),
        cast.length ? told(cast, gallery) : null,
    );
}

/** @param {import("./store.js").Results} found */
function about({ held, votes }) {
    const voters = new Set(votes.map((vote) => vote.voter)).size;
    const open = votes.filter((vote) => !vote.blind).length;
    const parts = [`${votes.length} ${votes.length === 1 ? "vote" : "votes"} of ${voters} ${voters === 1 ? "voter" : "voters"}`];
    if (open) parts.push(`${open} of them not blind`);
    const why = " A tie is half a win for each. Where two intervals overlap much, more votes are needed.";
    const few = " A column never lost or never won, so all are held towards the middle by one tie each.";
    return `${parts.join(", ")}.${votes.length ? why : ""}${held ? few : ""}`;
}

/** @param {Strength} strength @param {string} label */
function rowOf({ votes, wins, score, low, high }, label) {
    const cells = [String(votes), String(wins)].map((text) => make("td", {}, text));
    const head = make("th", { scope: "row" }, label);
    if (score === null || low === null || high === null) {
        return make("tr", {}, head, ...cells, make("td", {}, "no votes"), make("td", {}));
    }
    const [middle, from, to] = [score, low, high].map((one) => Math.round(100 * chance(one)));
    return make(
        "tr", {}, head, ...cells,
        make("td", {}, drawn(chance(score), chance(low), chance(high), `${middle} %, from ${from} to ${to} %`)),
        make("td", {}, `${middle} % (${from} to ${to})`),
    );
}

/**
 * @param {number} middle a share, as the others
 * @param {number} low
 * @param {number} high
 * @param {string} label
 */
function drawn(middle, low, high, label) {
    const x = (/** @type {number} */ share) => 6 + share * (WIDE - 12);
    const svg = part("svg", { viewBox: `0 0 ${WIDE} 20`, width: WIDE, height: 20, role: "img", "aria-label": label, class: "interval" });
    svg.append(
        part("line", { x1: x(0), x2: x(1), y1: 10, y2: 10, class: "axis" }),
        part("line", { x1: x(0.5), x2: x(0.5), y1: 2, y2: 18, class: "axis" }),
        part("line", { x1: x(low), x2: x(high), y1: 10, y2: 10, class: "range" }),
        part("circle", { cx: x(middle), cy: 10, r: 4, class: "dot" }),
    );
    return svg;
}

/**
 * @param {import("./vote.js").Cast[]} cast
 * @param {import("./board.js").Gallery} gallery
 */
function told(cast, gallery) {
    const rows = cast.map(({ pair, winner }) => {
        const [left, right] = pair.map((cell) => gallery.columns[cell.column]);
        const better = { left, right, tie: "alike" }[winner];
        return make("tr", {}, ...[gallery.rows[pair[0].row], left, right, better].map((text) => make("td", {}, text)));
    });
    return make(
        "div", { class: "cast", tabindex: "0", role: "region", "aria-label": "Your votes" },
        make(
            "table", {}, make("caption", {}, "Your votes, and which was which"),
            make("thead", {}, make("tr", {}, ...["Row", "Left", "Right", "Better"].map((text) => make("th", { scope: "col" }, text)))),
            make("tbody", {}, ...rows),
        ),
    );
}
