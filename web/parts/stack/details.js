// @ts-check
/** A row's further part: trigger words, block weights, and the schedule over the steps. */

import { about } from "./about.js";
import { make, whenOther } from "./dom.js";
import { readBlocks, readSchedule, writeBlocks, writeSchedule } from "./fields.js";
import { meant } from "./names.js";
import { append, copy, files, tell, texts } from "./page.js";

const CLIPBOARD = "clipboard";
let number = 0;
let into = CLIPBOARD; // where words were put last

/** @typedef {import("./about.js").About} About */
/** @typedef {import("./value.js").Row} Row */

/**
 * @typedef {object} Details
 * @property {HTMLElement} element
 * @property {(row: Row) => Promise<void>} show
 */

/**
 * @param {(changes: Partial<Row>) => void} onchange
 * @returns {Details}
 */
export function details(onchange) {
    const words = wordsPart();
    const blocks = field(
        make("textarea", { rows: 2, placeholder: "double_blocks.*: 0.5", spellcheck: false }),
        "Block weights",
        "A line each: pattern of layers' names, factor.",
        (text) => {
            const read = readBlocks(text);
            if (read.problem === null) onchange({ blocks: read.value });
            return read.problem;
        },
    );
    const schedule = field(
        make("input", { type: "text", placeholder: "0: 1, 0.5: 0", spellcheck: false }),
        "Schedule",
        "Share of the sampling steps: factor from there on.",
        (text) => {
            const read = readSchedule(text);
            if (read.problem === null) onchange({ schedule: read.value });
            return read.problem;
        },
    );
    /** @type {Row | null} */
    let shown = null;
    /** @type {string[]} */
    let patterns = [];
    const every = make("button", { type: "button" }, "List this file's blocks");
    every.addEventListener("click", () => {
        const ones = Object.fromEntries(patterns.map((pattern) => [pattern, 1]));
        onchange({ blocks: { ...ones, ...shown?.blocks } });
    });
    blocks.element.append(every);
    const parts = [words.element, blocks.element, schedule.element];
    return {
        element: make("div", { className: "details" }, ...parts),
        async show(row) {
            shown = row;
            blocks.show(writeBlocks(row.blocks));
            schedule.show(writeSchedule(row.schedule));
            const file = meant(files() ?? [], row.lora);
            const found = file === null ? null : await about(file);
            if (shown !== row) return;
            words.show(found);
            patterns = found?.blocks ?? [];
            every.hidden = patterns.every((pattern) => pattern in (row.blocks ?? {}));
        },
    };
}

/**
 * A labelled field whose text is told when it changes; what is wrong with it is written under it.
 * @param {HTMLInputElement | HTMLTextAreaElement} input
 * @param {string} label
 * @param {string} hint
 * @param {(text: string) => string | null} onchange returns what is wrong
 */
function field(input, label, hint, onchange) {
    input.id = `atelier-stack-field-${++number}`;
    const problem = make("p", { className: "problem", id: `${input.id}-problem`, role: "alert" });
    input.setAttribute("aria-describedby", problem.id);
    input.title = hint;
    let shown = "";

    const say = (/** @type {string | null} */ wrong) => {
        problem.textContent = wrong ?? "";
        input.setAttribute("aria-invalid", String(wrong !== null));
    };
    input.addEventListener("change", () => say(onchange(input.value)));
    return {
        element: make("div", { className: "field" }, caption(input, label), input, problem),
        /** @param {string} text */
        show(text) {
            if (text === shown) return; // what is being typed, or is wrong, stays
            shown = text;
            input.value = text;
            say(null);
        },
    };
}

/**
 * @param {HTMLElement} input
 * @param {string} label
 */
function caption(input, label) {
    return make("label", { htmlFor: input.id }, label);
}

/** The file's trigger words, each a button, and where they are put. */
function wordsPart() {
    const chips = make("div", { className: "chips" });
    const target = make("select", { "aria-label": "Put trigger words into" });
    const element = make(
        "div",
        { className: "field words", role: "group", "aria-label": "Trigger words" },
        make("span", { className: "caption" }, "Trigger words"),
        chips,
        target,
    );
    target.addEventListener("focus", () => fill(target));
    target.addEventListener("pointerdown", () => fill(target));
    target.addEventListener("change", () => (into = target.value));
    const draw = whenOther((/** @type {About | null} */ found) => {
        const words = found?.words ?? [];
        const all = words.length > 1 ? [chip(words.join(", "), target, "All")] : [];
        const none = found?.problem ?? "none in the file";
        chips.replaceChildren(...words.map((word) => chip(word, target)), ...all);
        if (!words.length) chips.append(none);
        target.hidden = !words.length;
        fill(target);
    });
    return { element, show: draw };
}

/**
 * @param {string} words
 * @param {HTMLSelectElement} target
 * @param {string} [label]
 */
function chip(words, target, label = words) {
    const button = make("button", { type: "button", title: `Put: ${words}` }, label);
    button.addEventListener("click", () => void put(words, target.value));
    return button;
}

/** @param {HTMLSelectElement} target */
function fill(target) {
    const places = texts();
    const options = places.map(({ label, key }) => make("option", { value: key }, `into ${label}`));
    target.replaceChildren(make("option", { value: CLIPBOARD }, "to the clipboard"), ...options);
    target.value = places.some(({ key }) => key === into) ? into : CLIPBOARD;
}

/**
 * @param {string} words
 * @param {string} place the key of a text, or the clipboard
 */
async function put(words, place) {
    const target = texts().find(({ key }) => key === place);
    if (target) {
        append(target, words);
        tell("success", `Put into ${target.label}.`);
        return;
    }
    try {
        await copy(words);
        tell("success", `Copied: ${words}`);
    } catch {
        tell("error", `The browser lets nothing into the clipboard here. The words are: ${words}`);
    }
}
