// @ts-check
/** One row as the page shows it. It draws what it is told, and tells what the person does. */

import { cardOn, hideCard } from "./card.js";
import { choose } from "./chooser.js";
import { details } from "./details.js";
import { icon, iconButton, make, rename, toggle, whenOther } from "./dom.js";
import { draggable } from "./drag.js";
import { meant, nearest, parts, withSlashes } from "./names.js";
import { numberField } from "./number.js";
import { files } from "./page.js";

/** @typedef {import("./value.js").Row} Row */

/**
 * What a row tells its list.
 * @typedef {object} Told
 * @property {(changes: Partial<Row>) => void} change
 * @property {(to: number) => void} drop it was dragged there
 * @property {(by: number) => void} move
 * @property {() => void} duplicate
 * @property {() => void} remove
 * @property {() => void} resize it is higher or lower than before
 */

/**
 * @typedef {object} RowView
 * @property {HTMLLIElement} element
 * @property {HTMLButtonElement} file
 * @property {(row: Row, place: number, count: number) => void} show
 */

/**
 * @param {HTMLElement} list
 * @param {Told} told
 * @returns {RowView}
 */
export function rowView(list, told) {
    /** @type {Row} */
    let row = { on: true, lora: "", model: 1 };
    const view = {
        handle: make("button", { type: "button", className: "icon handle" }, icon("grip")),
        on: toggle("On", () => told.change({ on: !row.on })),
        file: fileButton(() => row.lora, told),
        model: numberField((model) => told.change({ model })),
        link: iconButton("link", "", () =>
            told.change({ text: row.text === undefined ? row.model : undefined }),
        ),
        text: numberField((text) => told.change({ text })),
        more: iconButton("more", "", () => open(further.element.hidden)),
        duplicate: iconButton("copy", "", told.duplicate),
        remove: iconButton("remove", "", told.remove),
    };
    const missing = make("div", { className: "missing", hidden: true });
    const further = details(told.change);
    further.element.hidden = true;
    const line = make(
        "div",
        { className: "line" },
        ...[view.handle, view.on, view.file, view.model.element, view.link],
        ...[view.text.element, view.more, view.duplicate, view.remove],
    );
    const element = make("li", {}, line, missing, further.element);

    const open = (/** @type {boolean} */ shown) => {
        further.element.hidden = !shown;
        view.more.setAttribute("aria-expanded", String(shown));
        if (shown) void further.show(row);
        told.resize();
    };
    element.addEventListener("keydown", (event) => keys(event, told));
    draggable(view.handle, element, list, told.drop);
    open(false);
    // Drawn anew only when another: a button that is replaced while it is pressed hears no click.
    const drawFile = whenOther((/** @type {string} */ name, /** @type {string[] | null} */ known) => {
        view.file.replaceChildren(...shownName(name));
        const lost = Boolean(known && name && meant(known, name) === null);
        missing.replaceChildren(...(lost ? offers(known ?? [], name, told) : []));
        missing.hidden = !lost;
        element.classList.toggle("lost", lost);
    });
    const drawLink = whenOther((/** @type {boolean} */ linked) => {
        view.link.setAttribute("aria-pressed", String(linked));
        view.link.replaceChildren(icon(linked ? "link" : "apart"));
    });

    return {
        element,
        file: view.file,
        show(shown, place, count) {
            row = shown;
            name(view, row, place, count);
            drawFile(row.lora, files());
            drawLink(row.text === undefined);
            element.classList.toggle("off", !row.on);
            view.on.setAttribute("aria-checked", String(row.on));
            view.text.element.disabled = row.text === undefined;
            if (!further.element.hidden) void further.show(row);
        },
    };
}

/**
 * @param {() => string} current
 * @param {Told} told
 */
function fileButton(current, told) {
    const button = make("button", {
        type: "button",
        className: "file",
        "aria-haspopup": "listbox",
        "aria-expanded": "false",
    });
    button.addEventListener("click", () => {
        hideCard();
        choose(button, current(), (lora) => told.change({ lora }));
    });
    cardOn(button, () => meant(files() ?? [], current()));
    return button;
}

/**
 * @param {string} name
 * @returns {HTMLElement[]}
 */
function shownName(name) {
    if (!name) return [make("span", { className: "none" }, "Choose a LoRA…")];
    const { folder, stem } = parts(withSlashes(name));
    return [make("span", { className: "folder" }, folder), make("span", {}, stem)];
}

/**
 * That there is no such file, and those that may be meant.
 * @param {readonly string[]} known
 * @param {string} wanted
 * @param {Told} told
 * @returns {(Node | string)[]}
 */
function offers(known, wanted, told) {
    const near = nearest(known, wanted).map((name) => {
        const onclick = () => told.change({ lora: name });
        return make("button", { type: "button", title: name, onclick }, parts(name).stem);
    });
    return ["No such file. ", ...(near.length ? ["Nearest: ", ...near] : [])];
}

/**
 * What each part is called, for a screen reader and where the mouse rests.
 * @param {any} view
 * @param {Row} row
 * @param {number} place
 * @param {number} count
 */
function name(view, row, place, count) {
    const called = row.lora ? parts(row.lora).stem : `row ${place + 1}`;
    view.handle.title = "Drag, or Alt+↑ and Alt+↓, to another place";
    view.handle.setAttribute("aria-label", `Move ${called}, ${place + 1} of ${count}`);
    rename(view.on, `${called}: on`);
    view.file.setAttribute("aria-label", row.lora ? `LoRA: ${row.lora}` : "Choose a LoRA");
    view.model.show(row.model, `${called}: strength for the model`);
    view.text.show(row.text ?? row.model, `${called}: strength for the text encoders`);
    rename(view.link, `${called}: text encoders as the model`);
    const more = row.blocks || row.schedule ? " (set)" : "";
    rename(view.more, `${called}: block weights, schedule, trigger words${more}`);
    view.more.classList.toggle("set", Boolean(more));
    rename(view.duplicate, `Duplicate ${called}`);
    rename(view.remove, `Remove ${called}`);
}

/**
 * Alt and the arrows move the row; Delete, where nothing is typed, removes it.
 * @param {KeyboardEvent} event
 * @param {Told} told
 */
function keys(event, told) {
    const { target } = event;
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const typed = target instanceof Element && target.matches("input, textarea, select");
    if (typed && event.key === "Enter" && (event.ctrlKey || event.metaKey))
        return void target.dispatchEvent(new Event("change")); // before ComfyUI queues
    if (by && event.altKey && !(target instanceof HTMLSelectElement)) told.move(by);
    else if (event.key === "Delete" && !typed) told.remove();
    else return;
    event.preventDefault();
    event.stopPropagation(); // or ComfyUI deletes the node
}
