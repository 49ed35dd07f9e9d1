// @ts-check
/** The page of grids: a bar, and the table of pictures. */

import { button, labelled, make, openDialog, table } from "../dom.js";
import { openAdvice } from "./advice.js";
import { named } from "./cell.js";
import { openCompare } from "./compare.js";
import { KEYS, listenToKeys, listenToMouse } from "./keys.js";
import { LEAST } from "./lay.js";
import { openLook } from "./look.js";
import { openResults } from "./results.js";
import { Store } from "./store.js";
import { View } from "./view.js";
import { openVote } from "./vote.js";

const WORDS = [
    ["red hat", "both words, each in the row, the column, the kind of prompt, the seed or the LoRA"],
    ["column:\"strength 1\"", "also row: prompt: kind: seed: lora: checkpoint:"],
    ["identity:>0.6", "a score, by its name; also < >= <= or 0.2..0.8"],
    ["strength:1", "the strength of the LoRA, as a number"],
    ["is:recommended", "also is:picked, is:missing, is:base"],
    ["a OR b · -a · (a OR b) c", "AND, OR, NOT and parentheses"],
];
/** @type {[import("./board.js").Order["of"], string][]} */
const OF = [["both", "rows and columns"], ["rows", "rows"], ["columns", "columns"], ["list", "single pictures"]];

export class JudgePage {
    /** @param {import("./store.js").Source} source */
    constructor(source) {
        this.store = new Store(source);
        this.view = new View(this.store);
        this.names = make("select", {});
        this.filter = make("input", { type: "search", placeholder: "words identity:>0.6 is:recommended", autocomplete: "off", "aria-describedby": "wrong" });
        this.wrong = make("p", { class: "wrong", id: "wrong", role: "alert" });
        this.counted = make("span", { class: "counted", role: "status" });
        this.by = make("select", {});
        this.of = make("select", {}, ...OF.map(([value, text]) => make("option", { value }, text)));
        this.worst = make("input", { type: "checkbox" });
        this.size = make("input", { type: "range", min: "0", max: "100", "aria-label": "Zoom" });
        this.wideButton = button("⤢", "Over the whole window, or in the side bar (W)", () => this.actions.wide(), { "aria-label": "Over the whole window", "aria-pressed": "false" });
        this.file = make("input", { type: "file", accept: ".json,application/json", hidden: true, "aria-label": "A file of votes" });
        this.advice = make("p", { class: "note advice" });
        this.title = make("h1", {});
        this.top = make("div", { class: "top" });
        this.status = make("p", { class: "status", role: "status" });
        this.element = make("dialog", { class: "page", "aria-label": "Grids" });
        this._bar();
        this.element.append(this.top, this.view.element, this.status);
        this.element.addEventListener("cancel", (event) => {
            if (event.target !== this.element) return;
            event.preventDefault();
            this.widen(false);
        });
        listenToKeys(this.view, this.actions);
        listenToMouse(this.view, this.actions);
        this._listen();
    }

    /** @returns {import("./keys.js").Actions} */
    get actions() {
        const { element, store, view } = this;
        return {
            filter: () => this.filter.select(),
            look: () => openLook(element, view),
            compare: () => openCompare(element, store),
            vote: () => openVote(element, store),
            results: () => void openResults(element, store),
            advice: () => openAdvice(element, store),
            help: () => openHelp(element),
            wide: () => this.widen(!this.wide),
        };
    }

    _bar() {
        const { actions, store: { source } } = this;
        const open = make("form", { class: "bar open" }, labelled("Grid", this.names), make("button", { type: "submit", title: "Read it anew, with what was made since" }, "Read anew"), this.wideButton);
        open.addEventListener("submit", (event) => {
            event.preventDefault();
            void this.open(this.names.value);
        });
        const search = make("div", { class: "bar", role: "search" }, labelled("Filter", this.filter), this.counted);
        const order = make(
            "div", { class: "bar" }, labelled("Order by", this.by), labelled("of", this.of), labelled("worst first", this.worst),
            button("All", "All in sight (0)", () => this.view.fit()), this.size,
        );
        const tools = make(
            "div", { class: "bar", role: "toolbar", "aria-label": "Judge" },
            button("Vote", "Which of two is better, without knowing which is which (V)", actions.vote, { class: "main" }),
            button("Results", "What the votes say (R)", actions.results),
            button("Advice", "What is recommended and why, and the scores of the columns (A)", actions.advice),
            button("Compare", "Slide between the two that are picked (C)", actions.compare),
            button("Look", "The current picture large (Enter)", actions.look),
        );
        if (source.save) tools.append(button("Save my votes", "As a file, to be sent to who made this grid", () => this._with((gallery) => source.save?.(gallery))));
        if (source.html) tools.append(button("As one file", "An HTML file with all pictures, which others open and vote in", () => this._with((gallery) => download(source.html?.(gallery) ?? ""))));
        if (source.take) tools.append(button("Read votes", "From files that others sent back", () => this.file.click()), this.file);
        tools.append(button("?", "Keys and the filter (?)", actions.help, { "aria-label": "Keys and the filter" }));
        this.top.append(source.take ? open : this.title);
        this.top.append(search, this.wrong, order, tools, this.advice);
    }

    /** @param {(gallery: import("./board.js").Gallery) => void} act */
    _with(act) {
        if (this.store.gallery) act(this.store.gallery);
        else this.store.say("Open a grid first.", true);
    }

    _listen() {
        const { store, view } = this;
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
            if (!store.wrong) view.element.focus();
        });
        this.names.addEventListener("change", () => void this.open(this.names.value));
        this.by.addEventListener("change", () => store.setOrder({ by: this.by.value }));
        this.of.addEventListener("change", () => {
            if (this.of.value === "list") store.across = Math.max(1, Math.floor((view.element.clientWidth - view.left) / view.width));
            store.setOrder({ of: /** @type {any} */ (this.of.value) });
        });
        this.worst.addEventListener("change", () => store.setOrder({ worst: this.worst.checked }));
        this.size.addEventListener("input", () => {
            view.zoom(LEAST * 2 ** (Number(this.size.value) / 20));
            this._zoomed();
        });
        this.file.addEventListener("change", () => void this._take());
        for (const kind of ["shown", "picked"]) store.addEventListener(kind, () => this._count());
        store.addEventListener("opened", () => this._opened());
        store.addEventListener("zoomed", () => this._zoomed());
        store.addEventListener("said", (event) => {
            const { text, bad } = /** @type {CustomEvent} */ (event).detail;
            this.status.textContent = text;
            this.status.classList.toggle("bad", bad);
        });
    }

    _opened() {
        const { gallery, filter, order } = this.store;
        if (!gallery) return;
        this.title.textContent = gallery.name;
        const names = Object.keys(gallery.scores);
        this.by.replaceChildren(make("option", { value: "" }, "as made"), ...names.map((name) => make("option", { value: name, title: gallery.scores[name].says }, named(name))));
        [this.filter.value, this.by.value, this.of.value] = [filter, order.by, order.of];
        this.worst.checked = order.worst;
        const { recommendation } = gallery;
        const best = recommendation?.column !== null && recommendation ? gallery.columns[recommendation.column] : "";
        this.advice.title = recommendation?.reasons.join("\n") ?? "";
        this.advice.textContent = best ? `Recommended: ${best}. ${recommendation?.reasons.join(" ")}` : "";
        this._zoomed();
    }

    _zoomed() {
        this.size.value = String(20 * Math.log2(this.view.width / LEAST));
        this.size.setAttribute("aria-valuetext", `${Math.round(this.view.width)} pixels a picture`);
    }

    _count() {
        const { board, gallery, picked, wrong } = this.store;
        const some = picked.length ? `, ${picked.length} picked` : "";
        const text = gallery ? `${board.shown} of ${gallery.cells.length}${some}` : "";
        if (this.counted.textContent !== text) this.counted.textContent = text;
        this.filter.setAttribute("aria-invalid", String(Boolean(wrong)));
        const found = wrong ? `${wrong.message} (character ${wrong.at + 1}: ${this.store.filter.slice(wrong.at, wrong.end) || "the end"})` : "";
        if (this.wrong.textContent !== found) this.wrong.textContent = found;
    }

    /** List the grids, and open one: the newest whose folder has that name or begins so. @param {string} [name] */
    async list(name) {
        try {
            const found = await this.store.source.names();
            this.names.replaceChildren(...found.map((value) => make("option", { value }, value)));
            const wanted = name ? found.find((one) => one === name || (one.startsWith(`${name}-`) && /^-\d+$/.test(one.slice(name.length)))) : "";
            if (name && !wanted) {
                this.store.say(`There is no grid ${name} yet: queue the node first.`, true);
                if (!this.store.gallery && found.length) await this.open(found[0]);
                return;
            }
            const now = wanted || this.store.gallery?.folder || found[0];
            if (now) await this.open(now);
            else this.store.say("There is no grid yet. Evaluation Grid makes one.");
        } catch (error) {
            this.store.say(/** @type {Error} */ (error).message, true);
        }
    }

    /** @param {string} name */
    async open(name) {
        const { store } = this;
        store.say("Reading the grid…");
        try {
            await store.open(name);
            this.names.value = name;
            const { rows = [], columns = [], cells = [], missing = [] } = store.gallery ?? {};
            const but = missing.length ? ` ${missing.length} have no picture: is:missing shows them.` : "";
            store.say(`${cells.length} pictures: ${rows.length} rows, ${columns.length} columns.${but}`, missing.length > 0);
        } catch (error) {
            store.say(/** @type {Error} */ (error).message, true);
        }
    }

    async _take() {
        const { gallery, source } = this.store;
        const files = [...(this.file.files ?? [])];
        this.file.value = "";
        if (!gallery || !source.take || !files.length) return;
        try {
            const { added, known, foreign } = await source.take(gallery, files[0]);
            const more = [known && `${known} were here already`, foreign && `${foreign} are of another grid`].filter(Boolean);
            this.store.say([`${added} votes read from ${files[0].name}`, ...more].join(", ") + ".", !added && foreign > 0);
        } catch (error) {
            this.store.say(`${files[0].name}: ${/** @type {Error} */ (error).message}`, true);
        }
    }

    get wide() {
        return this.element.matches(":modal");
    }

    /** Over the whole window, or where it stands. @param {boolean} wide */
    widen(wide) {
        this.element.close();
        if (wide) this.element.showModal();
        else this.element.show();
        this.wideButton.setAttribute("aria-pressed", String(wide));
        this.view.element.focus({ preventScroll: true });
    }

}

/** @param {HTMLElement} page */
function openHelp(page) {
    openDialog(page, "Keys and the filter", "large help", make("div", { class: "both" }, table("Keys, in the table", KEYS), table("The filter", WORDS)));
}

/** @param {string} address */
function download(address) {
    make("a", { href: address, download: "" }).click();
}
