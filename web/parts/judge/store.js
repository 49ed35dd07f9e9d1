// @ts-check
/** The grid that is open: how it is arranged, what is picked, and what was voted. */

import { FilterError } from "../query.js";
import { arrange, AS_MADE } from "./board.js";
import { compile } from "./filter.js";

/** @typedef {import("./board.js").Cell} Cell */
/** @typedef {import("./board.js").Gallery} Gallery */
/** @typedef {import("./bradley-terry.js").Strength} Strength */

/**
 * @typedef {object} Vote
 * @property {string} left key of a cell
 * @property {string} right
 * @property {"left" | "right" | "tie"} winner
 * @property {string} voter
 * @property {boolean} blind
 */

/** @typedef {{ columns: Strength[], held: boolean, votes: Vote[] }} Results */
/** @typedef {{ added: number, known: number, foreign: number }} Taken */

/**
 * @typedef {object} Source Where grids are: ComfyUI's server, or the file that the page stands in.
 * @property {() => Promise<string[]>} names of grids, the newest first
 * @property {(name: string) => Promise<Gallery>} open
 * @property {(gallery: Gallery, key: string, size: "small" | "large" | "full") => string} image
 * @property {(gallery: Gallery, picture: string) => string} pair a training picture
 * @property {(gallery: Gallery, vote: Vote) => Promise<string>} vote when it was kept, to take it back
 * @property {(gallery: Gallery, vote: Vote & { time: string }) => Promise<void>} unvote
 * @property {(gallery: Gallery) => Promise<Results>} results
 * @property {(gallery: Gallery) => string} [html] where the grid is as one file
 * @property {(gallery: Gallery, file: Blob) => Promise<Taken>} [take] votes that were sent back
 * @property {(gallery: Gallery) => void} [save] the votes, to be sent back
 */

/** Tells by `shown` of another arrangement, by `picked`, and by `said` of what happens. */
export class Store extends EventTarget {
    /** @param {Source} source */
    constructor(source) {
        super();
        this.source = source;
        /** @type {Gallery | null} */
        this.gallery = null;
        this.filter = "";
        /** @type {FilterError | null} why the filter cannot be read */
        this.wrong = null;
        this.order = { ...AS_MADE };
        this.across = 6;
        /** @type {Cell[]} at most two */
        this.picked = [];
        /** @type {Set<string>} */
        this.missing = new Set();
        this.board = this._empty();
        this._turn = 0;
    }

    /** @returns {import("./board.js").Board} */
    _empty() {
        return { rows: [], columns: [], cells: [], shown: 0, list: false };
    }

    /** @param {string} name */
    async open(name) {
        this._turn += 1;
        const turn = this._turn;
        const gallery = await this.source.open(name);
        if (turn !== this._turn) return; // another was asked for meanwhile
        const again = gallery.folder === this.gallery?.folder;
        this.gallery = gallery;
        this.missing = new Set(gallery.missing);
        if (!again) Object.assign(this, { picked: [], filter: "", wrong: null, order: { ...AS_MADE } });
        const keys = new Set(this.picked.map((cell) => cell.key));
        this.picked = gallery.cells.filter((cell) => keys.has(cell.key)).slice(0, 2);
        this.tell("opened", { again });
        this.arrange();
    }

    /** @param {string} text */
    setFilter(text) {
        this.filter = text;
        this.arrange();
    }

    /** @param {Partial<import("./board.js").Order>} order */
    setOrder(order) {
        this.order = { ...this.order, ...order };
        this.arrange();
    }

    arrange() {
        const { gallery } = this;
        if (!gallery) return;
        try {
            const test = compile(this.filter, gallery, (cell) => this.picked.includes(cell));
            this.board = arrange(gallery, test, this.order, this.across);
            this.wrong = null;
        } catch (error) {
            if (!(error instanceof FilterError)) throw error;
            this.wrong = error; // and what was shown stays
        }
        this.tell("shown");
    }

    /** Pick a cell to compare, or no longer; a third takes the place of the first. @param {Cell} cell */
    pick(cell) {
        const at = this.picked.indexOf(cell);
        if (at >= 0) this.picked.splice(at, 1);
        else this.picked = [...this.picked, cell].slice(-2);
        this.tell("picked");
    }

    /** Those that can be voted on. */
    get votable() {
        return this.board.cells.flat().filter((cell) => cell !== null).filter((cell) => !this.missing.has(cell.key));
    }

    /** @param {string} kind @param {any} [detail] */
    tell(kind, detail) {
        this.dispatchEvent(new CustomEvent(kind, { detail }));
    }

    /** @param {string} text @param {boolean} [bad] */
    say(text, bad = false) {
        this.tell("said", { text, bad });
    }
}
