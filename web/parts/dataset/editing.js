// @ts-check
/** A caption edited where it stands: saved when it is left. */

import { make } from "../dom.js";

/** @typedef {import("./grid.js").Grid} Grid */

/**
 * Edit the caption of the picture at `index`. Escape puts it back, Enter saves, Ctrl+Enter goes on
 * to the next one, Shift+Enter begins a line.
 * @param {Grid} grid
 * @param {number} index
 */
export function edit(grid, index) {
    const { store } = grid;
    const picture = store.shown[index];
    if (!picture) return;
    if (picture.refused) {
        store.say(picture.refused, true);
        return;
    }
    grid.moveTo(index);
    const place = grid.cellOf(index)?.querySelector(".caption");
    if (!place || place.querySelector("textarea")) return;
    const field = make("textarea", { "aria-label": `Caption of ${picture.name}`, spellcheck: "true" });
    field.value = picture.draft ?? picture.caption;
    const before = field.value; // which has its line ends as this field has them
    grid.pinned = Math.floor(index / grid.layout.columns);
    place.replaceChildren(field);
    let ended = false;

    /** @param {boolean} keep */
    function end(keep) {
        if (ended) return;
        ended = true;
        grid.commit = null;
        if (grid.pinned === Math.floor(index / grid.layout.columns)) grid.pinned = null;
        const text = field.value;
        field.remove();
        grid.draw();
        if (keep && (text !== before || picture.draft !== null)) {
            store.save(picture, text).catch((error) => store.say(`${picture.name}: ${error.message}`, true));
        }
        grid.dress();
    }

    grid.commit = () => end(true);
    field.addEventListener("blur", () => end(true));
    field.addEventListener("keydown", (event) => {
        if (event.isComposing) return;
        if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
            event.preventDefault();
            event.stopPropagation();
            const onward = event.key === "Enter" && (event.ctrlKey || event.metaKey);
            end(event.key === "Enter");
            grid.element.focus({ preventScroll: true });
            if (onward && index + 1 < store.shown.length) edit(grid, index + 1);
        }
    });
    field.focus({ preventScroll: true });
    field.setSelectionRange(field.value.length, field.value.length);
}
