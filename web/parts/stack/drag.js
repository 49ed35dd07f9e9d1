// @ts-check
/** Rows in another order, by dragging their handles. */

/**
 * Let `handle` drag `row` among the rows of `list`.
 * @param {HTMLElement} handle
 * @param {HTMLElement} row
 * @param {HTMLElement} list
 * @param {(to: number) => void} drop told the row's new place
 */
export function draggable(handle, row, list, drop) {
    handle.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        event.preventDefault();
        handle.focus();
        handle.setPointerCapture(event.pointerId);
        row.classList.add("dragged");

        const follow = (/** @type {PointerEvent} */ moving) => mark(list, row, moving.clientY);
        const end = (/** @type {PointerEvent} */ last) => {
            handle.removeEventListener("pointermove", follow);
            handle.removeEventListener("pointerup", end);
            handle.removeEventListener("pointercancel", end);
            row.classList.remove("dragged");
            mark(list, null, 0);
            const to = placeAt(list, row, last.clientY);
            if (last.type === "pointerup" && to !== placeOf(list, row)) drop(to);
        };
        handle.addEventListener("pointermove", follow);
        handle.addEventListener("pointerup", end);
        handle.addEventListener("pointercancel", end);
    });
}

/**
 * Where `row` comes to lie if it is let go at `y`: as many rows as have their middle above it.
 * @param {HTMLElement} list
 * @param {HTMLElement} row
 * @param {number} y in the page's pixels
 */
function placeAt(list, row, y) {
    return [...list.children].filter((other) => {
        const { top, height } = other.getBoundingClientRect();
        return other !== row && top + height / 2 < y;
    }).length;
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} row
 */
function placeOf(list, row) {
    return [...list.children].indexOf(row);
}

/**
 * Draw a line where `row` would come to lie; none for no row.
 * @param {HTMLElement} list
 * @param {HTMLElement | null} row
 * @param {number} y
 */
function mark(list, row, y) {
    const from = row ? placeOf(list, row) : 0;
    const to = row ? placeAt(list, row, y) : 0;
    for (const [place, other] of [...list.children].entries()) {
        other.classList.toggle("drop-before", Boolean(row) && place === to && to < from);
        other.classList.toggle("drop-after", Boolean(row) && place === to && to > from);
    }
}
