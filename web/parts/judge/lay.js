// @ts-check
/** Where the cells of a table lie at a zoom, and which of them are to be seen. Pure. */

export const LEAST = 24;
export const MOST = 2048;

/**
 * @typedef {object} Table
 * @property {number} rows
 * @property {number} columns
 * @property {number} width of a cell, in pixels
 * @property {number} height of a cell
 * @property {number} left width of the row labels
 * @property {number} top height of the column labels
 */

/**
 * Lines in sight.
 * @param {number} count of all
 * @param {number} size of one
 * @param {number} from how far it is scrolled
 * @param {number} room for lines
 * @param {number} [more] before and after
 * @returns {[number, number]} the first, and the first that is not there
 */
export function inSight(count, size, from, room, more = 1) {
    const first = Math.max(0, Math.floor(from / size) - more);
    const last = Math.min(count, Math.ceil((from + Math.max(0, room)) / size) + more);
    return [Math.min(first, count), Math.max(Math.min(first, count), last)];
}

/**
 * How far to scroll after a zoom, so that what is at a place of the window stays there.
 * @param {number} from how far it was scrolled
 * @param {number} at pixels from the window's start
 * @param {number} label pixels that labels take
 * @param {number} factor by which cells grew
 */
export function stay(from, at, label, factor) {
    const inner = Math.max(0, at - label);
    return Math.max(0, (from + inner) * factor - inner);
}

/**
 * How far to scroll, so that a line is seen whole.
 * @param {number} line
 * @param {number} size of one
 * @param {number} from
 * @param {number} room
 */
export function reveal(line, size, from, room) {
    const start = line * size;
    if (start < from || size > room) return start;
    return Math.max(from, start + size - room);
}

/**
 * The width of a cell with which all are in sight, or as near to it as may be.
 * @param {number} rows
 * @param {number} columns
 * @param {number} ratio of a picture: width to height
 * @param {number} width of the room for cells
 * @param {number} height
 */
export function fitted(rows, columns, ratio, width, height) {
    const most = Math.min(width / Math.max(1, columns), (height / Math.max(1, rows)) * ratio);
    return bounded(Math.floor(most));
}

/** @param {number} width */
export function bounded(width) {
    return Math.max(LEAST, Math.min(MOST, width));
}
