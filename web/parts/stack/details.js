// @ts-check
/** A row's further part: trigger words, block weights, and the schedule over the steps. */

import { about } from "./about.js";
import { make } from "./dom.js";
import { readBlocks, readSchedule, writeBlocks, writeSchedule } from "./fields.js";
import { append, copy, tell, texts } from "./page.js";

const CLIPBOARD = "clipboard";
let number = 0;
let into = CLIPBOARD; // where words were put last

/** @typedef {import("./value.js").Row} Row */

/**
 * @typedef {object} Details
 * @property {HTMLElement} element
 * @property {(row: Row) => void} show
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
    const element = make(
        "div",
        { className: "details" },
        words.element,
        blocks.element,
        schedule.element,
    );
    return {
        element,
        show(row) {
            void words.show(row.lora);
            blocks.show(writeBlocks(row.blocks));
            schedule.show(writeSchedule(row.schedule));
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
    let current = "";

    return {
        element,
        /** @param {string} lora */
        async show(lora) {
            current = lora;
            const found = lora ? await about(lora) : null;
            if (current !== lora) return;
            const words = found?.words ?? [];
            fill(target);
            target.hidden = !words.length;
            chips.replaceChildren(...words.map((word) => chip(word)));
            if (words.length > 1) chips.append(chip(words.join(", "), "All"));
            if (!words.length) chips.append("none in the file");
        },
    };
}

/**
 * @param {string} words
 * @param {string} [label]
 */
function chip(words, label = words) {
    const button = make("button", { type: "button", title: `Put: ${words}` }, label);
    button.addEventListener("click", () => void put(words));
    return button;
}

/** @param {HTMLSelectElement} target */
function fill(target) {
    const places = texts();
    const options = places.map(({ label, key }) => make("option", { value: key }, `into ${label}`));
    target.replaceChildren(make("option", { value: CLIPBOARD }, "to the clipboard"), ...options);
    target.value = places.some(({ key }) => key === into) ? into : CLIPBOARD;
}

/** @param {string} words */
async function put(words) {
    const target = texts().find(({ key }) => key === into);
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
