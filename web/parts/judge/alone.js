// @ts-check
/** The page in a file of its own: pictures stand in it, votes stay in the browser until saved. */

import { make } from "../dom.js";
import { ofColumns } from "./bradley-terry.js";
import { JudgePage } from "./page.js";

/** @typedef {import("./board.js").Gallery} Gallery */
/** @typedef {import("./store.js").Vote & { time: string }} Dated */

/** @param {string} id */
function textOf(id) {
    return document.getElementById(id)?.textContent ?? "";
}

class Kept {
    /** @param {string} name under which this file's votes are kept */
    constructor(name) {
        this._name = name;
        this.saved = true;
        /** @type {Dated[]} */
        this.votes = [];
        try {
            const found = JSON.parse(localStorage.getItem(name) ?? "[]");
            if (Array.isArray(found)) this.votes = found;
        } catch {
            // a file may have no storage: then votes last as long as the window
        }
    }

    /** @param {import("./store.js").Vote} vote @returns {string} when */
    add(vote) {
        const time = new Date().toISOString();
        this.votes.push({ ...vote, time });
        this._keep();
        return time;
    }

    /** @param {Dated} vote */
    remove(vote) {
        const at = this.votes.findLastIndex((one) => one.time === vote.time && one.left === vote.left && one.right === vote.right);
        if (at >= 0) this.votes.splice(at, 1);
        this._keep();
    }

    _keep() {
        this.saved = !this.votes.length;
        try {
            localStorage.setItem(this._name, JSON.stringify(this.votes));
        } catch {
            // as above
        }
    }
}

/** Show the grid that this file holds. */
export function openAlone() {
    /** @type {Gallery} */
    const gallery = JSON.parse(textOf("atelier-grid"));
    const kept = new Kept(`atelier-votes ${gallery.folder} ${gallery.made} ${gallery.cells[0].key}`);
    const page = new JudgePage({
        names: async () => [gallery.folder],
        open: async () => gallery,
        image: (_, key, size) => textOf(`${size === "small" ? "small" : "large"}-${key}`),
        pair: (_, picture) => textOf(`pair-${picture}`),
        vote: async (_, vote) => kept.add(vote),
        unvote: async (_, vote) => kept.remove(vote),
        results: async () => ({ ...ofColumns(kept.votes, gallery), votes: kept.votes }),
        save() {
            if (!kept.votes.length) {
                page.store.say("There are no votes yet: press Vote.", true);
                return;
            }
            const told = { format: "atelier-votes", version: 1, grid: gallery.folder, votes: kept.votes };
            const file = new Blob([JSON.stringify(told)], { type: "application/json" });
            const href = URL.createObjectURL(file);
            make("a", { href, download: `${gallery.folder}-votes.json` }).click();
            setTimeout(() => URL.revokeObjectURL(href), 60_000);
            kept.saved = true;
            page.store.say(`${kept.votes.length} votes saved: send the file to who made this grid.`);
        },
    });
    page.element.setAttribute("aria-label", `Grid ${gallery.name}`);
    page.wideButton.hidden = true;
    document.getElementById("atelier-page")?.append(page.element);
    page.element.show();
    void page.list().then(() => page.view.element.focus());
    window.addEventListener("beforeunload", (event) => {
        if (!kept.saved) event.preventDefault();
    });
}
