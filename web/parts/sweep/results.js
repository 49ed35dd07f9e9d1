// @ts-check
/** A sweep's points side by side, as they are made and after. */

import { app } from "../../../../scripts/app.js";
import { button, labelled, make } from "../dom.js";
import { Front } from "./front.js";
import { ask, csvAddress, of, pictureAddress, tableOf } from "./server.js";
import { amount, cell, COSTS, costs, counted, differing, duration, scored, shown, sorted } from "./told.js";

const OFTEN = 2000; // ms between looks, while points are on their way
const GOING_ON = ["waiting", "queued"];

export class Results {
    /**
     * @param {(text: string, wrong?: boolean) => void} say
     * @param {(name: string, points: number[]) => Promise<void>} queue
     */
    constructor(say, queue) {
        this._say = say;
        this._queue = queue;
        /** @type {any} */
        this.table = null;
        this._by = "point";
        this._down = false;
        this._timer = 0;
        this._turn = 0;
        this.chosen = make("select", {});
        this.chosen.addEventListener("change", () => void this.show(this.chosen.value));
        this.counted = make("span", { class: "counted", role: "status" });
        this.resume = button("Resume", "Queue the points that are neither done nor in the queue", () => void this._resume());
        this.csv = make("a", { class: "link", download: true, title: "The table for a spreadsheet" }, "CSV");
        this.json = button("JSON", "The table with all that is known", () => this._saveJson());
        const chosen = () => {
            this.front.draw(this.table);
            void this.show(this.table.name);
        };
        this.signs = make("p", { class: "note" });
        this.front = new Front(chosen, () => this._draw());
        this.place = make("div", { class: "results", tabindex: "0", role: "region", "aria-label": "Points" });
        this.element = make(
            "div", {},
            make("div", { class: "bar" }, labelled("Sweep", this.chosen), this.resume, this.csv, this.json),
            make("p", {}, this.counted), this.front.element, this.signs, this.place,
        );
    }

    /** List the sweeps that there are, and show the newest, or the one that was chosen. */
    async list() {
        const found = await ask("");
        const before = this.table?.name;
        this.chosen.replaceChildren(
            ...found.map((/** @type {any} */ one) => make("option", { value: one.name }, one.name)),
        );
        this.element.hidden = !found.length;
        const name = found.some((/** @type {any} */ one) => one.name === before) ? before : found[0]?.name;
        if (name) await this.show(name);
    }

    /** @param {string} name */
    async show(name) {
        clearTimeout(this._timer);
        const turn = ++this._turn;
        try {
            const found = await ask(tableOf(name, this.front.names));
            if (turn !== this._turn) return; // a later one is on its way
            const same = JSON.stringify(found) === JSON.stringify(this.table);
            this.table = found;
            if (!same) this._draw();
        } catch (error) {
            if (turn !== this._turn) return;
            this._say(/** @type {Error} */ (error).message, true);
        }
        this.chosen.value = name;
        const going = this.table?.rows.some((/** @type {any} */ row) => GOING_ON.includes(row.state));
        if (going && this.element.isConnected) {
            this._timer = window.setTimeout(() => void this.show(name), OFTEN);
        }
    }

    stop() {
        clearTimeout(this._timer);
    }

    async _resume() {
        const { name } = this.table;
        try {
            const { points } = await ask(`${of(name)}/resume`, {});
            if (!points.length) return this._say("Every point is done or in the queue.");
            await this._queue(name, points);
        } catch (error) {
            this._say(/** @type {Error} */ (error).message, true);
        }
    }

    _saveJson() {
        const text = new Blob([JSON.stringify(this.table, null, 2)], { type: "application/json" });
        const link = make("a", { href: URL.createObjectURL(text), download: `${this.table.name}.json` });
        link.click();
        URL.revokeObjectURL(link.href);
    }

    _draw() {
        const { rows, axes, scores, name, pareto } = this.table;
        this.counted.textContent = counted(rows);
        const signs = [scores.length && "★: best, as far as the intervals can tell.", pareto && "◆: on the Pareto front."];
        this.signs.textContent = signs.filter(Boolean).join(" ");
        this.resume.disabled = rows.every((/** @type {any} */ row) => row.state === "done");
        this.csv.href = csvAddress(name);
        this.front.draw(this.table);
        const columns = ["point", ...differing(rows, axes), "state", ...scores, ...costs(rows)];
        const heads = columns.map((column) => this._head(column));
        const seen = rows.filter((/** @type {any} */ row) => this.front.shows(this.table, row));
        const body = sorted(seen, this._by, this._down).map((row) => this._row(row, columns));
        const focused = this._focused();
        this.place.replaceChildren(
            make(
                "table", {},
                make("caption", {}, name),
                make("thead", {}, make("tr", {}, ...heads, make("th", { scope: "col" }, "pictures"), make("th", { scope: "col" }, "graph"))),
                make("tbody", {}, ...body),
            ),
        );
        if (focused) /** @type {HTMLElement | null} */ (this.place.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
    }

    /** What had the focus, to give it back after the table is drawn anew. */
    _focused() {
        const root = /** @type {ShadowRoot} */ (this.place.getRootNode());
        const element = /** @type {HTMLElement | null} */ (root.activeElement);
        return element?.dataset.key ?? "";
    }

    /** @param {string} column */
    _head(column) {
        const order = this._by !== column ? "none" : this._down ? "descending" : "ascending";
        const sign = { none: "", ascending: " ↑", descending: " ↓" }[order];
        const press = () => {
            this._down = this._by === column && !this._down;
            this._by = column;
            this._draw();
        };
        const label = this.table.scores.includes(column) ? column : (COSTS[column] ?? column);
        const inner = button(label + sign, `Sort by ${label}`, press, { "data-key": `head ${column}` });
        return make("th", { scope: "col", "aria-sort": order }, inner);
    }

    /**
     * @param {import("./told.js").Row} row
     * @param {string[]} columns
     */
    _row(row, columns) {
        const front = this.table.pareto?.includes(row.point);
        const cells = columns.map((column) => {
            if (column === "point") return make("td", {}, front ? mark() : null, String(row.point));
            if (column === "bytes") return make("td", {}, row.bytes ? amount(row.bytes) : "");
            if (column === "seconds") return make("td", {}, duration(row.seconds));
            if (column === "state") return make("td", { class: row.state, title: row.error ?? false }, row.ended_early ? "done (ended early)" : row.state, row.error ? make("small", {}, row.error) : null);
            if (!(column in (row.scores ?? {}))) return make("td", {}, shown(cell(row, column) ?? ""));
            const star = this.table.best[column]?.includes(row.point) ? "★ " : "";
            return make("td", {}, star + scored(row.scores?.[column]));
        });
        const pictures = (row.pictures ?? []).map((picture) => {
            const address = pictureAddress(picture);
            const image = make("img", { src: address, alt: `Grid of point ${row.point}`, loading: "lazy" });
            return make("a", { href: address, target: "_blank", rel: "noopener" }, image);
        });
        const open = button("Open", `Open point ${row.point} as a graph`, () => void this._open(row.point), {
            "aria-label": `Open point ${row.point} as a graph`, "data-key": `open ${row.point}`,
        });
        return make("tr", { class: front ? "on-front" : false }, ...cells, make("td", {}, ...pictures), make("td", {}, open));
    }

    /** @param {number} point */
    async _open(point) {
        try {
            const found = await ask(`${of(this.table.name)}/points/${point}`);
            const title = `${this.table.name} ${point}`;
            if (found.graph) await app.loadGraphData(found.workflow, true, true, title);
            else await app.loadApiJson(found.prompt, title);
            this._say(`Point ${point}: ${found.name}`);
        } catch (error) {
            this._say(/** @type {Error} */ (error).message, true);
        }
    }
}

function mark() {
    return make("span", { class: "mark", role: "img", "aria-label": "on the Pareto front" }, "◆");
}
