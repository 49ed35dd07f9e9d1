// @ts-check
/** Where the cells of a long grid lie, and which of them are to be seen. Pure. */

const GAP = 8;
const WORDS = 74; // pixels for the caption and the line below

/**
 * @typedef {object} Layout
 * @property {number} columns
 * @property {number} rows
 * @property {number} cell width of a cell
 * @property {number} picture height of its picture
 * @property {number} row height of a row, with the gap below
 * @property {number} height of all
 */

/**
 * @param {number} width of the grid
 * @param {number} count of pictures
 * @param {number} size of a picture that is wished for
 * @returns {Layout}
 */
export function layOut(width, count, size) {
    const columns = Math.max(1, Math.floor((width - GAP) / (size + GAP)));
    const cell = Math.max(60, Math.floor((width - GAP) / columns) - GAP);
    const rows = Math.ceil(count / columns);
    const row = cell + WORDS + GAP;
    return { columns, rows, cell, picture: cell, row, height: rows * row + GAP };
}

/**
 * @param {Layout} layout
 * @param {number} top how far it is scrolled
 * @param {number} height of the window
 * @param {number} [more] rows above and below
 * @returns {[number, number]} the first row, and the first that is not there
 */
export function seen(layout, top, height, more = 1) {
    const first = Math.max(0, Math.floor((top - GAP) / layout.row) - more);
    const last = Math.min(layout.rows, Math.ceil((top + height) / layout.row) + more);
    return [Math.min(first, layout.rows), Math.max(first, last)];
}

/**
 * @param {Layout} layout
 * @param {number} row
 * @returns {number} pixels from the top of all
 */
export function topOf(layout, row) {
    return GAP + row * layout.row;
}

/**
 * How far to scroll, so that a row is seen whole.
 * @param {Layout} layout
 * @param {number} row
 * @param {number} top
 * @param {number} height
 */
export function scrolledTo(layout, row, top, height) {
    const start = topOf(layout, row) - GAP;
    if (start < top) return start;
    const end = start + layout.row + GAP;
    return end > top + height ? Math.max(0, Math.min(start, end - height)) : top;
}
