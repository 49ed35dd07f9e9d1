// @ts-check
/** The keyboard in the grid. */

import { edit } from "./editing.js";

/**
 * @typedef {object} Actions What keys and buttons do.
 * @property {() => void} filter
 * @property {() => void} tags
 * @property {() => void} bulk
 * @property {() => void} view
 * @property {() => void} duplicates
 * @property {() => void} help
 * @property {() => void} wide
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {(word: "keep" | "set aside" | "") => void} decide
 */

/** What the page's own help says. */
export const KEYS = [
    ["Arrows, Page Up, Page Down, Home, End", "go to another picture"],
    ["Enter or F2", "edit its caption: Enter saves, Shift+Enter begins a line, Escape puts it back"],
    ["Ctrl+Enter, in a caption", "save it, and edit the next"],
    ["Space", "select it, or no longer; with Shift and an arrow, what is passed too"],
    ["Ctrl+A", "select all that are shown"],
    ["Escape", "select none"],
    ["/", "go to the filter; Enter comes back"],
    ["X or Delete", "set aside the selected, else this one: no file is moved"],
    ["K", "keep, whatever is recommended"],
    ["R", "restore: take the decision back"],
    ["V", "look at it large: C shows the crop, M the mask"],
    ["D", "what looks alike, side by side"],
    ["B", "edit many captions"],
    ["T", "how often each tag occurs"],
    ["W", "the page over the whole window, or in the side bar"],
    ["Ctrl+Z, Ctrl+Shift+Z", "undo, redo"],
    ["?", "this list"],
];

/**
 * @param {import("./grid.js").Grid} grid
 * @param {Actions} actions
 */
export function listenToKeys(grid, actions) {
    grid.element.addEventListener("keydown", (event) => {
        if (event.target !== grid.element || event.isComposing || event.altKey) return;
        const used = event.ctrlKey || event.metaKey ? withControl(grid, actions, event) : plain(grid, actions, event);
        if (!used) return;
        event.preventDefault();
        event.stopPropagation();
    });
}

/**
 * @param {import("./grid.js").Grid} grid
 * @param {Actions} actions
 * @param {KeyboardEvent} event
 */
function withControl(grid, actions, event) {
    const key = event.key.toLowerCase();
    if (key === "a") grid.store.select(grid.store.shown, true);
    else if (key === "z") event.shiftKey ? actions.redo() : actions.undo();
    else if (key === "y") actions.redo();
    else return moved(grid, event);
    return true;
}

/**
 * @param {import("./grid.js").Grid} grid
 * @param {Actions} actions
 * @param {KeyboardEvent} event
 */
function plain(grid, actions, event) {
    if (moved(grid, event)) return true;
    switch (event.key.length === 1 ? event.key.toLowerCase() : event.key) {
        case "Enter": case "F2": edit(grid, grid.cursor); return true;
        case " ": toggle(grid); return true;
        case "Escape": grid.store.select([...grid.store.selection], false); return true;
        case "/": actions.filter(); return true;
        case "x": case "Delete": actions.decide("set aside"); return true;
        case "k": actions.decide("keep"); return true;
        case "r": actions.decide(""); return true;
        case "v": actions.view(); return true;
        case "d": actions.duplicates(); return true;
        case "b": actions.bulk(); return true;
        case "t": actions.tags(); return true;
        case "w": actions.wide(); return true;
        case "?": actions.help(); return true;
    }
    return false;
}

/** @param {import("./grid.js").Grid} grid */
function toggle(grid) {
    const picture = grid.current;
    if (picture) grid.store.select([picture], !grid.store.selection.has(picture));
}

/**
 * @param {import("./grid.js").Grid} grid
 * @param {KeyboardEvent} event
 */
function moved(grid, event) {
    const { columns } = grid.layout;
    /** @type {Record<string, number>} */
    const steps = {
        ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns,
        PageUp: -grid.page, PageDown: grid.page, Home: -Infinity, End: Infinity,
    };
    const step = steps[event.key];
    if (step === undefined) return false;
    const from = grid.cursor;
    const last = grid.store.shown.length - 1;
    const to = Math.max(0, Math.min(last, from + step));
    if (Math.abs(step) === columns && Math.abs(to - from) !== columns) return true; // no such row
    grid.moveTo(to);
    if (event.shiftKey) grid.store.select(between(grid, from, to), true);
    return true;
}

/**
 * @param {import("./grid.js").Grid} grid
 * @param {number} one
 * @param {number} other
 */
function between(grid, one, other) {
    return grid.store.shown.slice(Math.min(one, other), Math.max(one, other) + 1);
}

/**
 * The mouse: a click goes to a picture, and into its caption; with Ctrl it selects, with Shift all
 * up to there.
 * @param {import("./grid.js").Grid} grid
 * @param {Actions} actions
 */
export function listenToMouse(grid, actions) {
    /** @param {Event} event */
    const cellAt = (event) => /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".cell"));
    grid.element.addEventListener("click", (event) => {
        const target = /** @type {Element} */ (event.target);
        const cell = cellAt(event);
        if (!cell || target.closest("textarea")) return;
        const index = Number(cell.dataset.index);
        const from = grid.cursor;
        if (!event.shiftKey && !event.ctrlKey && !event.metaKey && target.closest(".caption")) {
            edit(grid, index);
            return;
        }
        grid.moveTo(index);
        if (event.shiftKey) grid.store.select(between(grid, from, index), true);
        else if (event.ctrlKey || event.metaKey || target.closest(".tick-box")) toggle(grid);
        grid.element.focus({ preventScroll: true });
    });
    grid.element.addEventListener("dblclick", (event) => {
        if (cellAt(event) && /** @type {Element} */ (event.target).closest(".frame")) actions.view();
    });
    grid.element.addEventListener("mousedown", (event) => {
        if (event.shiftKey && !/** @type {Element} */ (event.target).closest("textarea")) event.preventDefault(); // marks no text
    });
}
