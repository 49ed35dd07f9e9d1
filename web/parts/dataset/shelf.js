// @ts-check
/** The folder that is open: its pictures, and which of them are shown and selected. */

import { compile, FilterError } from "./filter.js";
import { Picture } from "./picture.js";
import { get, post } from "./server.js";

/**
 * Tells of itself by events: `listed` (other pictures), `shown` (others shown, in another order),
 * `changed` (pictures look otherwise), `selected`, `said` (a line for the person), `cut` (what the
 * server could not finish of an earlier bulk change).
 */
export class Shelf extends EventTarget {
    constructor() {
        super();
        this.folder = "";
        this.name = "";
        /** @type {Picture[]} */
        this.pictures = [];
        /** @type {Map<string, Picture>} */
        this.byName = new Map();
        /** @type {Picture[]} */
        this.shown = [];
        /** @type {Set<Picture>} */
        this.selection = new Set();
        this.filter = "";
        /** @type {FilterError | null} */
        this.wrong = null;
        /** @type {{ looked: number, resolution: number, error: string, looking: { done: number, total: number } | null }} */
        this.facts = { looked: 0, resolution: 0, error: "", looking: null };
        this._turn = 0;
    }

    /** @param {string} kind @param {any} [detail] */
    tell(kind, detail) {
        this.dispatchEvent(new CustomEvent(kind, { detail }));
    }

    /** @param {string} text @param {boolean} [bad] */
    say(text, bad = false) {
        this.tell("said", { text, bad });
    }

    /**
     * List a folder; what is not saved in the one before stays in its pictures' drafts only.
     * @param {string} folder
     */
    async open(folder) {
        const turn = ++this._turn;
        const answer = await get("", { folder });
        if (turn !== this._turn) return;
        const drafts = answer.folder === this.folder ? this.pictures.filter((one) => one.draft !== null) : [];
        const another = answer.folder !== this.folder;
        this.folder = answer.folder;
        this.name = answer.name;
        this.pictures = answer.pictures.map((/** @type {any[]} */ row) => new Picture(row));
        this.byName = new Map(this.pictures.map((one) => [one.name, one]));
        for (const { name, draft } of drafts) {
            const picture = this.byName.get(name);
            if (picture && picture.caption !== draft) picture.draft = draft;
        }
        this.selection.clear();
        this.tell("listed", { another });
        this.setFilter(this.filter);
        if (answer.finished) this.say(`${answer.finished} captions were saved that had been cut off.`);
        if (answer.refused.length) this.tell("cut", answer.refused);
        this._readAhead(turn, 0);
        await Promise.all([this.readTokens(turn), this.readFacts()]);
    }

    /**
     * Take captions apart while nothing else is to be done, so that the first filter finds it done.
     * @param {number} turn
     * @param {number} from
     */
    _readAhead(turn, from) {
        if (turn !== this._turn || from >= this.pictures.length) return;
        for (const one of this.pictures.slice(from, from + 250)) one.foldedTags;
        setTimeout(() => this._readAhead(turn, from + 250), 4);
    }

    /** @param {number} turn */
    async readTokens(turn) {
        const tokens = await get("/tokens", { folder: this.folder });
        if (turn !== this._turn) return;
        for (const one of this.pictures) one.tokens ??= tokens[one.name] ?? null;
        this._refresh();
    }

    /** Decisions and what Curate knows. */
    async readFacts() {
        const turn = this._turn;
        const told = await get("/facts", { folder: this.folder });
        if (turn !== this._turn) return;
        this.facts = told;
        for (const one of this.pictures) {
            one.decided = told.decided[one.name] ?? "";
            one.reasons = told.reasons[one.name] ?? [];
            one.alike = told.alike[one.name] ?? 0;
            one.cluster = told.clusters[one.name] ?? 0;
        }
        if (told.error) this.say(told.error, true);
        this._refresh();
    }

    _refresh() {
        if (this.filter) this.setFilter(this.filter);
        this.tell("changed");
    }

    /** @param {string} text a filter; one with a mistake leaves what is shown */
    setFilter(text) {
        this.filter = text;
        try {
            const test = compile(text, (picture) => this.selection.has(picture));
            this.wrong = null;
            this.shown = text.trim() ? this.pictures.filter(test) : this.pictures;
        } catch (error) {
            if (!(error instanceof FilterError)) throw error;
            this.wrong = error;
            if (!this.shown.every((one) => this.byName.get(one.name) === one)) this.shown = this.pictures;
        }
        if (this.selection.size) {
            const seen = new Set(this.shown);
            for (const one of this.selection) if (!seen.has(one)) this.selection.delete(one);
        }
        this.tell("shown");
        this.tell("selected");
    }

    /** @param {Picture[]} pictures @param {boolean} on */
    select(pictures, on) {
        for (const one of pictures) on ? this.selection.add(one) : this.selection.delete(one);
        this.tell("selected");
    }

    /** The selected in their order, else those that are given. @param {Picture[]} others */
    chosen(others) {
        return this.selection.size ? this.shown.filter((one) => this.selection.has(one)) : others;
    }

    /** Have the server look at what it has not looked at, and tell how far it is. */
    async look() {
        await post("/look", { folder: this.folder });
        const turn = this._turn;
        do {
            await new Promise((done) => setTimeout(done, 700));
            if (turn !== this._turn) return;
            this.facts = { ...this.facts, ...(await get("/look", { folder: this.folder })) };
            this.tell("changed");
        } while (this.facts.looking);
        await this.readFacts();
        if (this.facts.error) return; // it was said
        this.say(`${this.facts.looked} of ${this.pictures.length} pictures were looked at.`);
    }
}
