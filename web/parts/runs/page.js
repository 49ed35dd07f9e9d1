// @ts-check
/** The runs page: a bar, the list, and what is known of the runs beside it. */

import { button, labelled, make, openDialog } from "../dom.js";
import { Details } from "./details.js";
import { catchUp, listen } from "./feed.js";
import { openGraph } from "./graph.js";
import { List } from "./list.js";
import { ask, path } from "./server.js";
import { Store } from "./store.js";

/** @typedef {import("./query.js").Row} Row */
/** @typedef {Record<"open" | "rename" | "tag" | "archive" | "remove", () => void>} Actions */

const KEYS = [
    ["Arrows, Page Up, Page Down, Home, End", "go to another run; with Shift, draw what is passed"],
    ["Space", "draw its curves beside the others, or no longer"],
    ["/", "go to the search; Enter comes back"],
    ["O", "open its graph"],
    ["R or F2", "rename"],
    ["T", "tags"],
    ["A", "archive, or take back"],
    ["Delete", "delete: into the trash"],
    ["Ctrl+Z, Ctrl+Shift+Z", "undo, redo"],
    ["W", "the page over the whole window, or in the side bar"],
    ["Escape", "draw the current run alone"],
    ["?", "this list"],
];
const SEARCH = [
    ["rank=16  lr<1e-3  batch>=2", "settings, by the names that they have on the nodes"],
    ["loss<0.1  held_out<0.2  step>100", "how far it came"],
    ["state:running  state=failed", "running, finished, stopped, failed, unfinished"],
    ["tag:good  hat  \"red hat\"", "a tag; words of name, title, tags and settings"],
    ["-tag:bad  -state:failed", "not"],
];

export class Page {
    constructor() {
        this.store = new Store();
        this.list = new List(this.store);
        this.details = new Details(this.store, this.actions);
        this.query = make("input", { type: "search", placeholder: "rank=16 lr<1e-3 hat", autocomplete: "off", "aria-describedby": "wrong" });
        this.wrong = make("p", { class: "wrong", id: "wrong", role: "alert" });
        this.counted = make("span", { class: "counted", role: "status" });
        this.archived = make("input", { type: "checkbox" });
        this.wideButton = button("⤢", "Over the whole window, or in the side bar (W)", () => this.widen(!this.wide), { "aria-label": "Over the whole window", "aria-pressed": "false" });
        this.trashButton = button("Trash", "What was deleted", () => this.openTrash());
        this.status = make("p", { class: "status", role: "status" });
        const undo = (/** @type {boolean} */ again) => () => void this.store.undo(again);
        this.element = make("dialog", { class: "page", role: "region", "aria-label": "Runs" },
            make("div", { class: "top" },
                make("div", { class: "bar", role: "search" }, labelled("Search", this.query), this.counted, this.wideButton), this.wrong,
                make("div", { class: "bar", role: "toolbar", "aria-label": "Runs" }, labelled("Archived", this.archived),
                    button("Undo", "Undo (Ctrl+Z)", undo(false)), button("Redo", "Redo (Ctrl+Shift+Z)", undo(true)), this.trashButton,
                    button("?", "Keys and the search (?)", () => this.help(), { "aria-label": "Keys and the search" }))),
            make("div", { class: "middle" }, this.list.element, this.details.element), this.status);
        this._listen();
    }

    _listen() {
        const { store } = this;
        this.query.addEventListener("input", () => store.search(this.query.value));
        this.query.addEventListener("keydown", (event) => {
            if (event.isComposing || !["Enter", "Escape", "ArrowDown"].includes(event.key)) return;
            if (event.key === "Escape") this.query.value = "";
            event.preventDefault();
            event.stopPropagation();
            store.search(this.query.value);
            this.list.element.focus();
        });
        this.archived.addEventListener("change", () => {
            store.archived = this.archived.checked;
            store.sift();
        });
        this.list.element.addEventListener("keydown", (event) => this._key(event));
        this.element.addEventListener("cancel", (event) => {
            if (event.target !== this.element) return;
            event.preventDefault();
            this.widen(false);
        });
        store.addEventListener("shown", () => {
            const text = `${store.shown.length} of ${store.rows.length}`;
            if (this.counted.textContent !== text) this.counted.textContent = text;
            if (this.wrong.textContent !== store.wrong) this.wrong.textContent = store.wrong;
            this.query.setAttribute("aria-invalid", String(Boolean(store.wrong)));
            this.trashButton.textContent = store.trash.length ? `Trash (${store.trash.length})` : "Trash";
        });
        store.addEventListener("said", (event) => {
            const { text, bad } = /** @type {CustomEvent} */ (event).detail;
            this.status.textContent = text;
            this.status.classList.toggle("bad", bad);
        });
        listen((telling) => {
            if (this.element.isConnected) store.heard(telling);
        });
    }

    /** @param {KeyboardEvent} event */
    _key(event) {
        if (event.isComposing || event.altKey) return;
        const { actions, store } = this;
        const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        let used = true;
        if (event.ctrlKey || event.metaKey) {
            if (key === "z") void store.undo(event.shiftKey);
            else if (key === "y") void store.undo(true);
            else used = false;
        } else if (!this.list.key(event)) {
            /** @type {Record<string, () => void>} */
            const does = {
                o: actions.open, r: actions.rename, F2: actions.rename, t: actions.tag, a: actions.archive, Delete: actions.remove,
                "/": () => this.query.select(), w: () => this.widen(!this.wide), "?": () => this.help(),
                Escape: () => {
                    store.chosen.clear();
                    store.sift();
                },
            };
            if (does[key]) does[key]();
            else used = false;
        }
        if (!used) return;
        event.preventDefault();
        event.stopPropagation();
    }

    /** @returns {Actions} */
    get actions() {
        const { store } = this;
        const withCurrent = (/** @type {(row: Row) => void} */ act) => () => {
            const row = store.of(store.current);
            if (row) act(row);
        };
        return {
            open: withCurrent((row) => {
                this.widen(false);
                void openGraph(row.name, row.title).then(
                    () => store.say(`Opened the graph of ${row.title}.`),
                    (error) => store.say(error.message, true),
                );
            }),
            rename: withCurrent((row) => this._ask(`Rename ${row.title}`, "Title", row.title, (title) =>
                store.change(row.name, { title }, `Renamed ${row.title}`))),
            tag: withCurrent((row) => this._ask(`Tags of ${row.title}`, "Tags, with commas between", row.tags.join(", "), (text) =>
                store.change(row.name, { tags: text.split(",").map((one) => one.trim()).filter(Boolean) }, `Tagged ${row.title}`))),
            archive: withCurrent((row) =>
                void store.change(row.name, { archived: !row.archived }, `${row.archived ? "Took back" : "Archived"} ${row.title}`)),
            remove: withCurrent((row) => void this._remove(row)),
        };
    }

    /**
     * @param {string} title @param {string} label @param {string} value
     * @param {(text: string) => any} take
     */
    _ask(title, label, value, take) {
        const field = make("input", { type: "text", value, maxlength: "200", autofocus: true });
        const form = make("form", { class: "bulk" }, labelled(label, field),
            make("footer", {}, make("button", { type: "submit", class: "main" }, "Save")));
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            dialog.close();
            void take(field.value);
        });
        const dialog = openDialog(this.element, title, "small", form);
        field.select();
    }

    /** LoRA files go only where it is asked for. @param {Row} row */
    async _remove(row) {
        if (row.state === "running") return this.store.say(`${row.title} goes on at this moment: stop it first.`, true);
        const { loras } = await ask(path(row.name, "/about")).catch(() => ({ loras: [] }));
        if (!loras.length) return void this.store.remove(row, false);
        const too = make("input", { type: "checkbox" });
        const form = make("form", { class: "bulk" },
            make("p", {}, "The run goes into the trash, and Ctrl+Z brings it back. In models/loras there are files of it, which graphs may use:"),
            make("p", { class: "words" }, loras.join("\n")), labelled("Delete these files too", too),
            make("footer", {}, make("button", { type: "submit", class: "main", autofocus: true }, "Delete the run")));
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            dialog.close();
            void this.store.remove(row, too.checked);
        });
        const dialog = openDialog(this.element, `Delete ${row.title}`, "small", form);
    }

    openTrash() {
        const { store } = this;
        const rows = store.trash.map((one) => {
            const back = button("Put back", `Put ${one.name} back`, async () => {
                back.disabled = true;
                try {
                    const { run, problems } = await ask("trash/restore", { id: one.id });
                    store.say([`${run} is back.`, ...problems].join(" "), problems.length > 0);
                    back.closest("li")?.remove();
                } catch (error) {
                    store.say(/** @type {Error} */ (error).message, true);
                }
                await store.refresh();
            });
            return make("li", {}, make("span", {}, one.name), make("span", { class: "note" }, new Date(one.when * 1000).toLocaleString()), back);
        });
        const empty = button("Delete all for good", "Frees the disk. This cannot be taken back.", async () => {
            if (!confirm("Delete what is in the trash for good?")) return;
            const { deleted } = await ask("trash/empty", {}).catch((error) => (store.say(error.message, true), { deleted: 0 }));
            if (deleted) store.say(`${deleted} deleted for good.`);
            dialog.close();
            await store.refresh();
        });
        const dialog = openDialog(this.element, "Trash", "small",
            rows.length ? make("ul", { class: "trash" }, ...rows) : make("p", {}, "Nothing was deleted."),
            rows.length ? make("footer", {}, empty) : null);
    }

    help() {
        const table = (/** @type {string} */ title, /** @type {string[][]} */ lines) =>
            make("table", {}, make("caption", {}, title), ...lines.map(([key, what]) => make("tr", {}, make("th", { scope: "row" }, key), make("td", {}, what))));
        openDialog(this.element, "Keys and the search", "large", table("In the list", KEYS), table("Search", SEARCH));
    }

    /** The page is in sight. */
    async arrive() {
        await this.store.refresh();
        for (const { row } of this.store.drawn) void catchUp(row.name);
    }

    /** @param {string} name */
    async go(name) {
        await this.store.refresh();
        if (!this.store.shown.some((row) => row.name === name)) {
            this.query.value = "";
            this.store.archived = this.archived.checked = Boolean(this.store.of(name)?.archived);
            this.store.search("");
        }
        this.store.go(name);
        this.list.element.focus();
    }

    get wide() {
        return this.element.matches(":modal");
    }

    /** Over the whole window, or where it stands. @param {boolean} wide */
    widen(wide) {
        if (wide === this.wide) return;
        this.element.close();
        if (wide) this.element.showModal();
        else this.element.show();
        this.element.setAttribute("role", wide ? "dialog" : "region");
        this.wideButton.setAttribute("aria-pressed", String(wide));
        this.list.element.focus({ preventScroll: true });
    }
}
