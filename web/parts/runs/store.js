// @ts-check
/** All runs as the page knows them: which are shown, chosen and current; what is done with them. */

import { COLOURS } from "./chart.js";
import { compile, QueryError } from "./query.js";
import { ask, path } from "./server.js";

/** @typedef {import("./query.js").Row} Row */
/** @typedef {{ title?: string, tags?: string[], archived?: boolean }} Change */
/** @typedef {{ id: string, name: string, when: number, loras: string[] }} Deleted */
/** @typedef {{ what: string, undo: () => Promise<any>, redo: () => Promise<any> }} Done */

/**
 * Tells of itself by events: `shown` (other rows, or rows that look otherwise), `chosen` (others
 * have their curves drawn), `current`, `said` (a line for the person).
 */
export class Store extends EventTarget {
    constructor() {
        super();
        /** @type {Row[]} */
        this.rows = [];
        /** @type {Row[]} */
        this.shown = [];
        /** @type {Record<string, any>} */
        this.defaults = {};
        /** @type {Deleted[]} */
        this.trash = [];
        /** @type {Map<string, string>} name and colour */
        this.chosen = new Map();
        this.current = "";
        this.query = "";
        this.wrong = "";
        this.archived = false;
        /** @type {Done[]} */
        this.done = [];
        /** @type {Done[]} */
        this.undone = [];
        /** @type {Promise<void> | null} */
        this._asking = null;
    }

    /** @param {string} kind @param {any} [detail] */
    tell(kind, detail) {
        this.dispatchEvent(new CustomEvent(kind, { detail }));
    }

    /** @param {string} text @param {boolean} [bad] */
    say(text, bad = false) {
        this.tell("said", { text, bad });
    }

    /** Ask the server for the list. */
    refresh() {
        this._asking ??= (async () => {
            try {
                const told = await ask("runs");
                this.rows = told.runs;
                this.defaults = told.defaults;
                this.trash = told.trash;
                for (const name of [...this.chosen.keys()]) if (!this.of(name)) this.chosen.delete(name);
                this.sift();
            } catch (error) {
                this.say(/** @type {Error} */ (error).message, true);
            } finally {
                this._asking = null;
            }
        })();
        return this._asking;
    }

    /** @param {string} name */
    of(name) {
        return this.rows.find((row) => row.name === name);
    }

    /** @param {import("./feed.js").Telling} telling */
    heard(telling) {
        const row = this.of(telling.run);
        if (!row || (telling.state !== "running" && row.state === "running")) return void this.refresh();
        row.step = Math.max(row.step, telling.step);
        row.loss = telling.series.smooth?.[1].at(-1) ?? row.loss;
        row.held_out = telling.series.held_out?.[1].at(-1) ?? row.held_out;
        row.state = telling.state;
        this.tell("shown");
    }

    /** @param {string} query */
    search(query) {
        this.query = query;
        this.sift();
    }

    sift() {
        try {
            const test = compile(this.query, this.defaults);
            this.wrong = "";
            this.shown = this.rows.filter((row) => row.archived === this.archived && test(row));
        } catch (error) {
            if (!(error instanceof QueryError)) throw error;
            this.wrong = error.message;
        }
        if (!this.shown.some(({ name }) => name === this.current)) this.go(this.shown[0]?.name ?? "");
        this.tell("shown");
        this.tell("chosen");
    }

    /** @param {string} name */
    go(name) {
        if (name === this.current) return;
        this.current = name;
        this.tell("current");
        this.tell("chosen");
    }

    /** The runs whose curves are drawn: the chosen ones, else the current. */
    get drawn() {
        const names = this.chosen.size ? [...this.chosen] : /** @type {[string, string][]} */ ([[this.current, COLOURS[0]]]);
        return names.flatMap(([name, colour]) => {
            const row = this.of(name);
            return row ? [{ row, colour }] : [];
        });
    }

    /** @param {string} name */
    toggle(name) {
        if (!this.chosen.delete(name)) {
            const taken = [...this.chosen.values()];
            const free = COLOURS.find((one) => !taken.includes(one));
            this.chosen.set(name, free ?? COLOURS[taken.length % COLOURS.length]);
        }
        this.tell("shown");
        this.tell("chosen");
    }

    /**
     * Do something that can be taken back.
     * @param {string} what in words
     * @param {() => Promise<any>} redo
     * @param {() => Promise<any>} undo
     */
    async act(what, redo, undo) {
        try {
            await redo();
            this.done.push({ what, redo, undo });
            this.undone = [];
            await this.refresh();
            this.say(`${what}. Ctrl+Z takes it back.`);
        } catch (error) {
            await this.refresh();
            this.say(/** @type {Error} */ (error).message, true);
        }
    }

    /** Take the last back, or do it again. @param {boolean} [again] */
    async undo(again = false) {
        const [from, to] = again ? [this.undone, this.done] : [this.done, this.undone];
        const one = from.pop();
        if (!one) return this.say(again ? "There is nothing to do again." : "There is nothing to take back.");
        try {
            const problems = await (again ? one.redo() : one.undo());
            to.push(one);
            await this.refresh();
            this.say(`${again ? "Done again" : "Taken back"}: ${one.what}.${problems?.length ? ` ${problems.join(" ")}` : ""}`);
        } catch (error) {
            from.push(one);
            this.say(/** @type {Error} */ (error).message, true);
        }
    }

    /**
     * @param {string} name
     * @param {Change} wanted
     * @param {string} what
     */
    change(name, wanted, what) {
        /** @type {Change} */
        let before = {};
        const put = (/** @type {Change} */ one) => ask(path(name, "/about"), one);
        return this.act(
            what,
            async () => {
                const answer = await put(wanted);
                before = Object.fromEntries(Object.keys(wanted).map((key) => [key, answer.before[key]]));
            },
            async () => void (await put(before)),
        );
    }

    /** @param {Row} row @param {boolean} loras with the files in models/loras */
    remove(row, loras) {
        let id = "";
        return this.act(
            `Deleted ${row.title}`,
            async () => void (id = (await ask(path(row.name, "/delete"), { loras })).id),
            async () => (await ask("trash/restore", { id })).problems,
        );
    }
}
