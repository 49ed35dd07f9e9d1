// @ts-check
/** The keyboard and the mouse in the table. */

/**
 * @typedef {object} Actions What keys and buttons do.
 * @property {() => void} filter
 * @property {() => void} look
 * @property {() => void} compare
 * @property {() => void} vote
 * @property {() => void} results
 * @property {() => void} advice
 * @property {() => void} help
 * @property {() => void} wide
 */

/** What the page's own help says. */
export const KEYS = [
    ["Arrows, Page Up, Page Down, Home, End", "go to another picture; with Ctrl to the first or last of all"],
    ["Enter", "look at it large, with what it was made of and its scores"],
    ["Space, or Ctrl+click", "pick it, or no longer: two can be compared"],
    ["C", "slide between the two that are picked"],
    ["V", "vote: which of two is better"],
    ["R", "what the votes say"],
    ["A", "what is recommended and why, and the scores of the columns"],
    ["+ and −, Ctrl+wheel", "zoom"],
    ["0", "all in sight"],
    ["1", "the size of the small pictures"],
    ["Drag, wheel", "move"],
    ["/", "go to the filter; Enter comes back"],
    ["W", "the page over the whole window, or in the side bar"],
    ["?", "this list"],
];

const STEP = 1.25;
const DRAG = 4; // pixels that are still a click

/**
 * @param {import("./view.js").View} view
 * @param {Actions} actions
 */
export function listenToKeys(view, actions) {
    view.element.addEventListener("keydown", (event) => {
        if (event.target !== view.element || event.isComposing || event.altKey) return;
        if (!moved(view, event) && !acted(view, actions, event)) return;
        event.preventDefault();
        event.stopPropagation();
    });
}

/**
 * @param {import("./view.js").View} view
 * @param {Actions} actions
 * @param {KeyboardEvent} event
 */
function acted(view, actions, event) {
    if (event.ctrlKey || event.metaKey) return false;
    const cell = view.current;
    switch (event.key.length === 1 ? event.key.toLowerCase() : event.key) {
        case "Enter": if (cell) actions.look(); return true;
        case " ": if (cell) view.store.pick(cell); return true;
        case "c": actions.compare(); return true;
        case "v": actions.vote(); return true;
        case "r": actions.results(); return true;
        case "a": actions.advice(); return true;
        case "+": case "=": zoomAtCursor(view, STEP); return true;
        case "-": zoomAtCursor(view, 1 / STEP); return true;
        case "0": view.fit(); return true;
        case "1": view.zoom(192); return true;
        case "/": actions.filter(); return true;
        case "w": actions.wide(); return true;
        case "?": actions.help(); return true;
    }
    return false;
}

/** @param {import("./view.js").View} view @param {number} factor */
function zoomAtCursor(view, factor) {
    view.zoom(view.width * factor);
    view.moveTo(view.cursor.row, view.cursor.column);
}

/**
 * @param {import("./view.js").View} view
 * @param {KeyboardEvent} event
 */
function moved(view, event) {
    const { row, column } = view.cursor;
    const all = event.ctrlKey || event.metaKey;
    /** @type {Record<string, [number, number]>} */
    const places = {
        ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
        ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
        PageUp: [row - view.page, column], PageDown: [row + view.page, column],
        Home: [all ? 0 : row, 0], End: [all ? Infinity : row, Infinity],
    };
    const place = places[event.key];
    if (!place) return false;
    view.moveTo(...place);
    return true;
}

/**
 * @param {import("./view.js").View} view
 * @param {Actions} actions
 */
export function listenToMouse(view, actions) {
    const { element } = view;
    /** @param {Event} event */
    const placeOf = (event) => {
        const tile = /** @type {Element} */ (event.target).closest(".tile");
        const [, row, column] = /^tile-(\d+)-(\d+)$/.exec(tile?.id ?? "") ?? [];
        return row === undefined ? null : [Number(row), Number(column)];
    };
    let dragged = false;
    element.addEventListener("click", (event) => {
        const place = placeOf(event);
        if (!place || dragged) return;
        view.moveTo(place[0], place[1]);
        if ((event.ctrlKey || event.metaKey || event.shiftKey) && view.current) view.store.pick(view.current);
        element.focus({ preventScroll: true });
    });
    element.addEventListener("dblclick", (event) => {
        if (placeOf(event) && view.current && !dragged) actions.look();
    });
    element.addEventListener("wheel", (event) => {
        event.stopPropagation();
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const { left, top } = element.getBoundingClientRect();
        const factor = Math.exp(-Math.max(-50, Math.min(50, event.deltaY)) / 200);
        view.zoom(view.width * factor, { x: event.clientX - left, y: event.clientY - top });
    }, { passive: false });
    element.addEventListener("pointerdown", (event) => {
        dragged = false;
        if (event.pointerType !== "mouse" || event.button > 1) return;
        const start = { x: event.clientX, y: event.clientY, left: element.scrollLeft, top: element.scrollTop };
        if (event.offsetX > element.clientWidth || event.offsetY > element.clientHeight) return; // a scroll bar
        const move = (/** @type {PointerEvent} */ now) => {
            const [x, y] = [now.clientX - start.x, now.clientY - start.y];
            if (!dragged && Math.hypot(x, y) < DRAG) return;
            if (!dragged) element.setPointerCapture(event.pointerId);
            dragged = true;
            element.classList.add("dragged");
            element.scrollTo(start.left - x, start.top - y);
        };
        const stop = () => {
            element.removeEventListener("pointermove", move);
            element.classList.remove("dragged");
        };
        element.addEventListener("pointermove", move);
        element.addEventListener("pointerup", stop, { once: true });
        element.addEventListener("pointercancel", stop, { once: true });
    });
}
