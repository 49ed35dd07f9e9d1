// @ts-check
/** The dataset page: a bar, the grid, and the tags beside it. */

import { openBulk } from "./bulk.js";
import { openConflicts } from "./conflicts.js";
import { button, labelled, make } from "./dom.js";
import { openDuplicates } from "./duplicates.js";
import { Grid } from "./grid.js";
import { openHelp } from "./help.js";
import { listenToKeys, listenToMouse } from "./keys.js";
import { Store } from "./store.js";
import { Tags } from "./tags.js";
import { openViewer } from "./viewer.js";

export class Page {
    /** @param {() => string[]} folders that the graph names */
    constructor(folders) {
        this.store = new Store();
        this.grid = new Grid(this.store);
        this.tags = new Tags(this.store, (term, exclude) => this.narrow(term, exclude));
        this._folders = folders;
        this._opened = "";
        this.names = make("datalist", { id: "folders" });
        this.folder = make("input", { type: "text", list: "folders", placeholder: "folder in input, or full path", autocomplete: "off" });
        this.filter = make("input", { type: "search", placeholder: "tag:hat tokens:>75 -flag:blur", autocomplete: "off", "aria-describedby": "wrong" });
        this.wrong = make("p", { class: "wrong", id: "wrong", role: "alert" });
        this.counted = make("span", { class: "counted", role: "status" });
        this.tagButton = button("Tags", "How often each tag occurs (T)", () => this.actions.tags(), { "aria-expanded": "false" });
        this.lookButton = button("Look for faults", "Look at every picture as Curate does: minutes for thousands. What was seen is kept.", () => void this.store.look().catch((error) => this.store.say(error.message, true)));
        this.wideButton = button("⤢", "Over the whole window, or in the side bar (W)", () => this.actions.wide(), { "aria-label": "Over the whole window", "aria-pressed": "false" });
        this.top = make("div", { class: "top" });
        this._bar();
        this.status = make("p", { class: "status", role: "status" });
        this.element = make("dialog", { class: "page", role: "region", "aria-label": "Dataset" });
        this.element.append(this.top, make("div", { class: "middle" }, this.tags.element, this.grid.element), this.status);
        this.element.addEventListener("cancel", (event) => {
            if (event.target !== this.element) return;
            event.preventDefault();
            this.widen(false);
        });
        listenToKeys(this.grid, this.actions);
        listenToMouse(this.grid, this.actions);
        this._listen();
    }

    /** @returns {import("./keys.js").Actions} */
    get actions() {
        const { store, grid } = this;
        const said = (/** @type {Promise<any>} */ work) => void work.catch((error) => store.say(error.message, true));
        return {
            filter: () => this.filter.select(),
            tags: () => this.tagButton.setAttribute("aria-expanded", String(this.tags.toggle())),
            bulk: () => openBulk(this.element, store),
            view: () => openViewer(this.element, grid, this.actions),
            duplicates: () => openDuplicates(this.element, store, grid.current),
            help: () => openHelp(this.element),
            wide: () => this.widen(!this.wide),
            undo: () => said(store.undo()),
            redo: () => said(store.undo(true)),
            decide: (word) => said(store.decide(store.chosen(grid.current ? [grid.current] : []), word)),
        };
    }

    _bar() {
        const { actions } = this;
        this.folder.addEventListener("focus", () => this._offer());
        const size = make("input", { type: "range", min: "80", max: "400", value: String(this.grid.size), "aria-label": "Size of the pictures" });
        size.addEventListener("input", () => this.grid.setSize(Number(size.value)));
        const form = make(
            "form", { class: "bar open" }, labelled("Folder", this.folder), this.names,
            make("button", { type: "submit", title: "List the folder; once more to see what changed in it" }, "Open"),
            this.wideButton,
        );
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            void this.open(this.folder.value);
        });
        const tools = make(
            "div", { class: "bar", role: "toolbar", "aria-label": "Pictures" }, this.tagButton,
            button("Edit many", "Prefix, suffix, find and replace, tags: of the selected or of all shown (B)", actions.bulk),
            button("Set aside", "The selected, else the current one. No file is moved (X)", () => actions.decide("set aside")),
            button("Restore", "Take the decision back (R)", () => actions.decide("")),
            button("Alike", "What looks alike, side by side (D)", actions.duplicates), this.lookButton,
            button("Undo", "Undo (Ctrl+Z)", actions.undo), button("Redo", "Redo (Ctrl+Shift+Z)", actions.redo),
            size, button("?", "Keys and the filter (?)", actions.help, { "aria-label": "Keys and the filter" }),
        );
        const search = make("div", { class: "bar", role: "search" }, labelled("Filter", this.filter), this.counted);
        this.top.append(form, search, this.wrong, tools);
    }

    _listen() {
        const { store } = this;
        let waiting = 0;
        this.filter.addEventListener("input", () => {
            clearTimeout(waiting);
            waiting = window.setTimeout(() => store.setFilter(this.filter.value), 120);
        });
        this.filter.addEventListener("keydown", (event) => {
            if (event.isComposing || !["Enter", "Escape", "ArrowDown"].includes(event.key)) return;
            if (event.key === "Escape") this.filter.value = "";
            event.preventDefault();
            event.stopPropagation();
            clearTimeout(waiting);
            store.setFilter(this.filter.value);
            if (!store.wrong) this.grid.element.focus();
        });
        for (const kind of ["shown", "selected", "changed"]) store.addEventListener(kind, () => this._count());
        store.addEventListener("said", (event) => {
            const { text, bad } = /** @type {CustomEvent} */ (event).detail;
            this.status.textContent = text;
            this.status.classList.toggle("bad", bad);
        });
        store.addEventListener("conflicts", (event) => {
            openConflicts(this.element, store, /** @type {CustomEvent} */ (event).detail);
        });
        window.addEventListener("beforeunload", (event) => {
            this.grid.commit?.();
            if (this.unsaved) event.preventDefault();
        });
    }

    get unsaved() {
        return this.store.pictures.filter((one) => one.draft !== null).length;
    }

    _count() {
        const { shown, pictures, selection, wrong, facts } = this.store;
        const some = selection.size ? `, ${selection.size} selected` : "";
        const text = pictures.length ? `${shown.length} of ${pictures.length}${some}` : "";
        if (this.counted.textContent !== text) this.counted.textContent = text;
        this.filter.setAttribute("aria-invalid", String(Boolean(wrong)));
        const found = wrong ? `${wrong.message} (character ${wrong.at + 1}: ${this.store.filter.slice(wrong.at, wrong.end) || "the end"})` : "";
        if (this.wrong.textContent !== found) this.wrong.textContent = found;
        const { looking } = facts;
        this.lookButton.disabled = Boolean(looking);
        this.lookButton.textContent = looking ? `Looking… ${looking.done} of ${looking.total}` : "Look for faults";
    }

    /** Offer the folders that the graph names. */
    _offer() {
        const found = this._folders();
        this.names.replaceChildren(...found.map((value) => make("option", { value })));
        if (!this.folder.value && found.length) this.folder.value = found[0];
    }

    /** @param {string} folder */
    async open(folder) {
        const { store } = this;
        const leaves = this.unsaved && ![this._opened, store.folder].includes(folder);
        if (leaves && !confirm(`${this.unsaved} captions are not saved (is:unsaved shows them). Leave them?`)) return;
        this._opened = folder;
        this.folder.value = folder;
        this.grid.commit?.();
        store.say("Reading the folder…");
        try {
            await store.open(folder);
            const broken = store.pictures.filter((one) => one.problem || one.refused).length;
            const but = broken ? ` ${broken} have something wrong: is:broken` : "";
            if (this.status.textContent === "Reading the folder…") store.say(`${store.pictures.length} pictures in ${store.folder}.${but}`, broken > 0);
            if (store.facts.looking) await store.look();
        } catch (error) {
            store.say(/** @type {Error} */ (error).message, true);
        }
    }

    /** @param {string} text what is shown, of the folder that is open and of the next */
    setFilter(text) {
        this.filter.value = text;
        this.store.setFilter(text);
    }

    /**
     * Add a term to the filter, or take it out where it is.
     * @param {string} term
     * @param {boolean} exclude
     */
    narrow(term, exclude) {
        const added = exclude ? `-${term}` : term;
        const before = this.filter.value.trim();
        const simple = !/\bOR\b/.test(before);
        this.filter.value = before ? `${simple ? before : `(${before})`} ${added}` : added;
        this.store.setFilter(this.filter.value);
    }

    get wide() {
        return this.element.matches(":modal");
    }

    /** Over the whole window, or where it stands. @param {boolean} wide */
    widen(wide) {
        this.grid.commit?.();
        this.element.close();
        if (wide) this.element.showModal();
        else this.element.show();
        this.element.setAttribute("role", wide ? "dialog" : "region");
        this.wideButton.setAttribute("aria-pressed", String(wide));
        this.grid.element.focus({ preventScroll: true });
    }
}
