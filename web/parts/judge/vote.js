// @ts-check
/** Which of two is better: pair after pair, by the keyboard, without saying which is which. */

import { button, labelled, make, openDialog } from "../dom.js";
import { Pairs } from "./pairs.js";
import { openResults } from "./results.js";

/** @typedef {import("./board.js").Cell} Cell */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {"left" | "right" | "tie"} Winner */
/** @typedef {import("./store.js").Vote} Vote */
/** @typedef {{ pair: [Cell, Cell], winner: Winner, vote: Vote, kept: Promise<string> }} Cast `kept`: when */

const VOTER = "atelier-voter";

/**
 * @param {HTMLElement} page
 * @param {Store} store
 */
export function openVote(page, store) {
    const { gallery } = store;
    if (!gallery) return;
    new Voting(page, store, gallery).start();
}

class Voting {
    /**
     * @param {HTMLElement} page
     * @param {Store} store
     * @param {import("./board.js").Gallery} gallery
     */
    constructor(page, store, gallery) {
        this.page = page;
        this.store = store;
        this.gallery = gallery;
        this.pairs = new Pairs(store.votable);
        /** @type {[Cell, Cell] | null} */
        this.pair = null;
        this.seen = false; // both pictures
        /** @type {Cast[]} */
        this.cast = [];
        /** @type {[Cell, Cell][]} shown before others: their turn came, and a vote was taken back */
        this.later = [];
        this.undoing = false;
        /** @type {HTMLDialogElement | null} */
        this.dialog = null;
        /** @type {Promise<any>} what was sent and is not answered yet */
        this.sent = Promise.resolve();
        this.asked = make("p", { class: "asked", tabindex: "-1", autofocus: true });
        this.images = [make("img", { alt: "The left picture" }), make("img", { alt: "The right picture" })];
        this.names = [make("figcaption", {}), make("figcaption", {})];
        this.sides = this.images.map((image, side) => make("figure", {
            onclick: () => this.choose(side ? "right" : "left"),
        }, image, this.names[side]));
        this.voter = make("input", { type: "text", maxlength: "80", autocomplete: "off", value: remembered() });
        this.blind = make("input", { type: "checkbox", checked: true });
        this.counted = make("span", { class: "counted", role: "status" });
        this.answers = [
            button("← Left is better", "Left arrow", () => this.choose("left"), { class: "main" }),
            button("↓ Alike", "Down arrow", () => this.choose("tie")),
            button("Right is better →", "Right arrow", () => this.choose("right"), { class: "main" }),
            button("Skip", "Say nothing of these two (S)", () => this.step()),
        ];
        this.back = button("Undo", "Take the last vote back, and see the two again (Ctrl+Z, or U)", () => void this.undo());
    }

    start() {
        const dialog = openDialog(
            this.page, "Which is better?", "large vote", this.asked,
            make("div", { class: "sides" }, ...this.sides),
            make("div", { class: "bar" }, ...this.answers, this.back, this.counted),
            make(
                "footer", {}, labelled("Your name", this.voter), labelled("Blind", this.blind),
                make("span", { class: "note" }, "Which is which is shown when you end."),
                button("End", "See what the votes say (Escape)", () => dialog.close()),
            ),
        );
        this.dialog = dialog;
        this.voter.addEventListener("change", () => remember(this.voter.value));
        this.blind.addEventListener("change", () => this.dress());
        dialog.addEventListener("keydown", (event) => this.key(event));
        dialog.addEventListener("close", async () => {
            await this.sent;
            if (this.cast.length) await openResults(this.page, this.store, this.cast);
        });
        this.step();
    }

    /** @param {KeyboardEvent} event */
    key(event) {
        if (event.target === this.voter || event.altKey || event.repeat) return;
        const control = event.ctrlKey || event.metaKey;
        const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        /** @type {Record<string, () => void>} */
        const keys = control ? { z: () => void this.undo() } : {
            ArrowLeft: () => this.choose("left"), ArrowRight: () => this.choose("right"),
            ArrowDown: () => this.choose("tie"), s: () => this.step(), u: () => void this.undo(),
        };
        if (!keys[key]) return;
        event.preventDefault();
        event.stopPropagation();
        keys[key]();
    }

    /** The next pair. */
    step() {
        if (!this.undoing) this.show(this.later.pop() ?? this.pairs.next());
    }

    /** @param {[Cell, Cell] | null} pair */
    show(pair) {
        this.pair = pair;
        this.back.setAttribute("aria-disabled", String(!this.cast.length));
        this.counted.textContent = `${this.cast.length} ${this.cast.length === 1 ? "vote" : "votes"}`;
        this.dress();
        if (!this.pair) {
            const few = this.cast.length ? "You have seen every pair." : "There are no two pictures of one row to compare.";
            this.asked.textContent = few;
        }
        this.ready(false);
        void this.load(this.pair);
    }

    /** Nobody votes on what was not seen. @param {[Cell, Cell] | null} pair */
    async load(pair) {
        for (const image of this.images) image.removeAttribute("src");
        if (!pair) return;
        this.asked.textContent = this.gallery.rows[pair[0].row];
        const decoded = this.images.map((image, side) => {
            image.src = this.store.source.image(this.gallery, pair[side].key, "large");
            return image.decode();
        });
        try {
            await Promise.all(decoded);
        } catch {
            if (this.pair === pair) this.step(); // a picture is broken, or was deleted meanwhile
            return;
        }
        if (this.pair !== pair) return;
        this.ready(true);
    }

    /** Not by `disabled`, which would take the keyboard away. @param {boolean} seen */
    ready(seen) {
        this.seen = seen;
        for (const one of this.answers.slice(0, 3)) one.setAttribute("aria-disabled", String(!seen));
        this.dialog?.classList.toggle("ready", seen);
    }

    dress() {
        this.names.forEach((name, side) => {
            const column = this.pair ? this.gallery.columns[this.pair[side].column] : "";
            name.textContent = this.blind.checked ? (side ? "Right" : "Left") : column;
        });
    }

    /** @param {Winner} winner */
    choose(winner) {
        const { pair } = this;
        if (!pair || !this.seen || this.undoing) return;
        const [left, right] = pair;
        const vote = {
            left: left.key, right: right.key, winner, voter: this.voter.value.trim(), blind: this.blind.checked,
        };
        const kept = this.store.source.vote(this.gallery, vote);
        const cast = { pair, winner, vote, kept };
        this.cast.push(cast);
        const sent = kept.catch((error) => {
            this.cast = this.cast.filter((one) => one !== cast);
            this.failed("Not saved", error);
        });
        this.sent = Promise.all([this.sent, sent]);
        this.step();
    }

    /** @param {string} what @param {Error} error */
    failed(what, error) {
        this.counted.textContent = `${what}: ${error.message}`;
        this.store.say(error.message, true);
    }

    /** Take the last vote back, and show its pair again; what is shown now comes after it. */
    async undo() {
        const { pair } = this;
        const last = this.cast.at(-1);
        if (!last || this.undoing) return;
        this.undoing = true;
        this.ready(false);
        /** @type {Error | null} */
        let wrong = null;
        try {
            const time = await last.kept;
            await this.store.source.unvote(this.gallery, { ...last.vote, time });
        } catch (error) {
            wrong = /** @type {Error} */ (error);
        }
        this.undoing = false;
        const there = this.cast.includes(last); // or it was never saved, and is gone already
        if (!wrong) this.cast = this.cast.filter((one) => one !== last);
        if (!wrong && pair) this.later.push(pair);
        this.show(wrong ? pair : last.pair);
        if (wrong && there) this.failed("Not taken back", wrong);
    }
}

function remembered() {
    try {
        return localStorage.getItem(VOTER) ?? "";
    } catch {
        return ""; // a file may have no storage
    }
}

/** @param {string} name */
function remember(name) {
    try {
        localStorage.setItem(VOTER, name);
    } catch {
        // then the name is asked for again
    }
}
