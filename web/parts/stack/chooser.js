// @ts-check
/** The list of LoRA files with a field to search in: one for the page, open for one row. */

import { hideCard, showCard } from "./card.js";
import { make } from "./dom.js";
import { placeUnder } from "./floating.js";
import { found, parts } from "./names.js";
import { askForFiles, files, watchFiles } from "./page.js";

const MOST_SHOWN = 200;
const MANY = 10; // rows that Page Up and Page Down pass

/** @type {(() => void) | null} */
let close = null;

/**
 * Let the person choose a file for the row of `anchor`.
 * @param {HTMLElement} anchor
 * @param {string} current
 * @param {(name: string) => void} onchoose
 */
export function choose(anchor, current, onchoose) {
    close?.();
    const list = make("ul", { role: "listbox", id: "atelier-stack-files", "aria-label": "LoRAs" });
    const search = searchField();
    const note = make("p", { className: "note", role: "status" });
    const box = make("div", { className: "atelier-floating atelier-chooser" }, search, list, note);
    /** @type {string[]} */
    let shown = [];
    let active = -1;

    const activate = (/** @type {number} */ place) => {
        active = Math.max(0, Math.min(shown.length - 1, place));
        for (const [number, option] of [...list.children].entries())
            option.setAttribute("aria-selected", String(number === active));
        const option = /** @type {HTMLElement | undefined} */ (list.children[active]);
        search.setAttribute("aria-activedescendant", option?.id ?? "");
        option?.scrollIntoView({ block: "nearest" });
        if (option) showCard(shown[active], box);
        else hideCard();
    };
    const draw = () => {
        const all = found(files() ?? [], search.value);
        shown = all.slice(0, MOST_SHOWN);
        list.replaceChildren(...shown.map((name, number) => option(name, number, name === current)));
        note.textContent = told(all.length, search.value);
        activate(search.value ? 0 : shown.indexOf(current));
        placeUnder(box, anchor);
    };
    const take = () => {
        if (active in shown) onchoose(shown[active]);
        end(true);
    };
    const outside = (/** @type {Event} */ event) => {
        if (!box.contains(/** @type {Node} */ (event.target))) end(false);
    };
    const unwatch = watchFiles(draw);
    const end = (/** @type {boolean} */ back) => {
        if (close !== ending) return;
        close = null;
        unwatch();
        removeEventListener("pointerdown", outside, true);
        removeEventListener("wheel", outside, true);
        anchor.setAttribute("aria-expanded", "false");
        box.remove();
        hideCard();
        if (back) anchor.focus();
    };
    const ending = () => end(false);

    search.addEventListener("input", draw);
    search.addEventListener("keydown", (event) => {
        event.stopPropagation(); // ComfyUI's shortcuts are not for this field
        const step = { ArrowDown: 1, ArrowUp: -1, PageDown: MANY, PageUp: -MANY }[event.key];
        if (step) activate(active + step);
        else if (event.key === "Enter") take();
        else if (event.key === "Escape" || event.key === "Tab") end(true);
        else return;
        event.preventDefault();
    });
    list.addEventListener("pointermove", (event) => {
        const place = placeOf(list, event.target);
        if (place >= 0 && place !== active) activate(place);
    });
    list.addEventListener("click", (event) => {
        active = placeOf(list, event.target);
        if (active >= 0) take();
    });

    close = ending;
    addEventListener("pointerdown", outside, true);
    addEventListener("wheel", outside, true);
    anchor.setAttribute("aria-expanded", "true");
    draw();
    search.focus();
    void askForFiles();
}

/** Close the list, if it is open. */
export function closeChooser() {
    close?.();
}

function searchField() {
    return make("input", {
        type: "text",
        placeholder: "Search LoRAs",
        autocomplete: "off",
        spellcheck: false,
        role: "combobox",
        "aria-label": "Search LoRAs",
        "aria-autocomplete": "list",
        "aria-expanded": "true",
        "aria-controls": "atelier-stack-files",
    });
}

/**
 * @param {string} name
 * @param {number} number
 * @param {boolean} chosen
 */
function option(name, number, chosen) {
    const { folder, stem } = parts(name);
    return make(
        "li",
        {
            role: "option",
            id: `atelier-stack-file-${number}`,
            className: chosen ? "chosen" : "",
            title: name,
        },
        make("span", { className: "folder" }, folder),
        stem,
    );
}

/**
 * @param {number} count
 * @param {string} query
 */
function told(count, query) {
    if (files() === null) return "Asking for the files…";
    if (!count) return query ? "No LoRA has these words in its name." : "models/loras is empty.";
    return count > MOST_SHOWN ? `${MOST_SHOWN} of ${count}: search for less.` : "";
}

/**
 * @param {HTMLElement} list
 * @param {EventTarget | null} target
 */
function placeOf(list, target) {
    const option = target instanceof Element ? target.closest("[role=option]") : null;
    return option ? [...list.children].indexOf(option) : -1;
}
