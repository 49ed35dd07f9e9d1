// @ts-check
/** The whole list of rows. It holds the value, as JSON, and tells when the person changes it. */

import { choose } from "./chooser.js";
import { icon, make, toggle } from "./dom.js";
import { rowView } from "./row.js";
import * as value from "./value.js";

/** @typedef {import("./value.js").Row} Row */
/** @typedef {import("./row.js").RowView} RowView */

/**
 * @typedef {object} Told
 * @property {() => void} change the person changed the value: it is there to be read
 * @property {() => void} resize
 */

export class StackList {
    /** @type {string} */
    #text = value.EMPTY;
    /** @type {Row[]} */
    #rows = [];
    /** @type {RowView[]} */
    #views = [];
    #told;
    #all = toggle("All on or off", () => this.#set(value.toggledAll(this.#rows)));
    #head = make("div", { className: "line head" });
    #list = make("ol", { "aria-label": "LoRAs, the first applied first" });
    #add = make(
        "button",
        { type: "button", className: "add", "aria-haspopup": "listbox", "aria-expanded": "false" },
        icon("add"),
        "Add LoRA",
    );
    #raw = rawPart((text) => this.#write(text));
    #live = make("p", { className: "unseen", role: "status" });
    #body;
    element;

    /** @param {Told} told */
    constructor(told) {
        this.#told = told;
        this.#add.addEventListener("click", () => this.#append());
        this.#head.append(
            make("span"),
            this.#all,
            make("span", {}, "LoRA"),
            make("span", { title: "Strength for the model" }, "Model"),
            make("span"),
            make("span", { title: "Strength for the text encoders" }, "Text"),
        );
        const parts = [this.#head, this.#list, this.#add, this.#raw.element, this.#live];
        this.#body = make("div", { className: "body" }, ...parts);
        this.element = make(
            "div",
            { className: "atelier-stack", role: "group", "aria-label": "LoRA stack" },
            this.#body,
        );
        this.#draw();
        new ResizeObserver(() => told.resize()).observe(this.#body);
    }

    get text() {
        return this.#text;
    }

    /** Show another value, which nobody needs to be told of. */
    set text(text) {
        this.#text = text;
        const parsed = value.parse(text);
        this.#rows = parsed.rows ?? [];
        this.#raw.show(text, parsed.problem);
        for (const part of [this.#head, this.#list, this.#add]) part.hidden = parsed.rows === null;
        this.#draw();
    }

    /** Pixels that the list wants to be high; 0 where it is not in the page. */
    get height() {
        return this.#body.offsetHeight;
    }

    /** Whether the files are there may have changed. */
    redraw() {
        this.#draw();
    }

    /** @param {string} text as a person wrote it */
    #write(text) {
        this.text = text;
        this.#told.change();
    }

    /** @param {Row[]} rows */
    #set(rows) {
        this.#rows = rows;
        this.#text = value.serialise(rows);
        this.#draw();
        this.#told.change();
    }

    #draw() {
        const count = this.#rows.length;
        while (this.#views.length < count) this.#views.push(this.#newView());
        this.#views.length = count;
        this.#order();
        for (const [place, view] of this.#views.entries())
            view.show(this.#rows[place], place, count);
        this.#all.setAttribute("aria-checked", checked(this.#rows));
    }

    /** Have the page's elements as the views are, without touching those that are right. */
    #order() {
        for (const [place, { element }] of this.#views.entries()) {
            const there = this.#list.children[place];
            if (there !== element) this.#list.insertBefore(element, there ?? null);
        }
        while (this.#list.children.length > this.#views.length) this.#list.lastElementChild?.remove();
    }

    #newView() {
        const place = () => this.#views.indexOf(view);
        const view = rowView(this.#list, {
            change: (changes) => {
                const row = value.patched(this.#rows[place()], changes);
                this.#set(value.replaced(this.#rows, place(), row));
            },
            drop: (to) => this.#move(place(), to),
            move: (by) => this.#move(place(), place() + by),
            duplicate: () => this.#duplicate(place()),
            remove: () => this.#remove(place()),
            resize: () => this.#told.resize(),
        });
        return view;
    }

    #append() {
        choose(this.#add, "", (lora) => this.#set([...this.#rows, value.newRow(lora)]));
    }

    /**
     * @param {number} from
     * @param {number} to
     */
    #move(from, to) {
        if (!(to in this.#rows)) return;
        const focused = document.activeElement;
        this.#views = value.moved(this.#views, from, to);
        this.#set(value.moved(this.#rows, from, to));
        if (focused instanceof HTMLElement) focused.focus(); // moving an element takes it away
        this.#say(`Moved to ${to + 1} of ${this.#rows.length}.`);
    }

    /** @param {number} place */
    #duplicate(place) {
        this.#views = value.inserted(this.#views, place + 1, this.#newView());
        this.#set(value.inserted(this.#rows, place + 1, structuredClone(this.#rows[place])));
        this.#views[place + 1].file.focus();
        this.#say("Duplicated.");
    }

    /** @param {number} place */
    #remove(place) {
        this.#views = value.removed(this.#views, place);
        this.#set(value.removed(this.#rows, place));
        const next = this.#views[Math.min(place, this.#views.length - 1)];
        (next?.file ?? this.#add).focus();
        this.#say("Removed.");
    }

    /** @param {string} words for a screen reader */
    #say(words) {
        this.#live.textContent = words;
    }
}

/**
 * @param {readonly Row[]} rows
 * @returns {"true" | "false" | "mixed"}
 */
function checked(rows) {
    const on = rows.filter((row) => row.on).length;
    if (!on) return "false";
    return on === rows.length ? "true" : "mixed";
}

/**
 * A value that is no list of rows, as text, with what is the matter: it is kept as it is.
 * @param {(text: string) => void} onchange
 */
function rawPart(onchange) {
    const problem = make("p", { className: "problem" });
    const field = make("textarea", { rows: 4, spellcheck: false, "aria-label": "The stack as JSON" });
    const begin = make("button", { type: "button" }, "Begin an empty list");
    const element = make("div", { className: "raw" }, problem, field, begin);
    field.addEventListener("change", () => onchange(field.value));
    begin.addEventListener("click", () => onchange(value.EMPTY));
    return {
        element,
        /**
         * @param {string} text
         * @param {string | null} wrong
         */
        show(text, wrong) {
            element.hidden = wrong === null;
            problem.textContent = wrong ?? "";
            field.value = text;
        },
    };
}
