// @ts-check
/** A grid as it is shown: which rows and columns, in which order, or its pictures in one list. Pure. */

/**
 * @typedef {object} Cell
 * @property {number} row
 * @property {number} column
 * @property {string} key
 * @property {string} prompt
 * @property {string} kind of prompt
 * @property {string} seed
 * @property {string} lora
 * @property {string} checkpoint
 * @property {number | null} strength
 * @property {Record<string, string>} settings that are its own
 */

/**
 * @typedef {object} Score
 * @property {string} encoder
 * @property {string} says
 * @property {"higher" | "lower" | "none"} better
 * @property {Record<string, number>} cells by key
 * @property {Record<string, ColumnScore>} columns by number
 * @property {number | null} ceiling
 * @property {number | null} floor
 * @property {Record<string, { picture: string, name: string }>} pairs by key
 */

/** @typedef {{ mean: number | null, low: number | null, high: number | null, n: number | null, too_few: boolean, paired_difference: any }} ColumnScore */

/**
 * @typedef {object} Gallery
 * @property {string} folder
 * @property {string} name
 * @property {string} made
 * @property {string[]} rows labels
 * @property {string[]} columns labels
 * @property {Record<string, string>} sampling
 * @property {Cell[]} cells
 * @property {Record<string, Score>} scores
 * @property {Recommendation | null} recommendation
 * @property {string[]} missing keys of cells that have no picture
 */

/** @typedef {{ column: number | null, reasons: string[], advice: string[], points: import("./plot.js").Point[] }} Recommendation */

/** @typedef {{ label: string, index: number }} Line `index` is its number in the grid; -1: of a list */

/**
 * @typedef {object} Board
 * @property {Line[]} rows
 * @property {Line[]} columns
 * @property {(Cell | null)[][]} cells by row and column as shown
 * @property {number} shown how many cells the filter lets through
 * @property {boolean} list
 */

/**
 * @typedef {object} Order
 * @property {string} by a score; empty: as made
 * @property {"rows" | "columns" | "both" | "list"} of what is put in order; a list is of all cells
 * @property {boolean} worst first
 */

/** @type {Order} */
export const AS_MADE = { by: "", of: "both", worst: false };

/**
 * @param {Gallery} gallery
 * @param {(cell: Cell) => boolean} test
 * @param {Order} order
 * @param {number} across how many stand beside one another in a list
 * @returns {Board}
 */
export function arrange(gallery, test, order, across) {
    const shown = gallery.cells.filter(test);
    return order.of === "list" ? listed(gallery, shown, order, across) : laid(gallery, shown, order);
}

/**
 * @param {Gallery} gallery
 * @param {Cell[]} shown
 * @param {Order} order
 * @returns {Board}
 */
function laid(gallery, shown, order) {
    const score = gallery.scores[order.by];
    const sorted = (/** @type {"row" | "column"} */ way) => {
        const numbers = [...new Set(shown.map((cell) => cell[way]))].sort((a, b) => a - b);
        const wanted = order.of === "both" || order.of === `${way}s`;
        return score && wanted ? inOrder(numbers, valuesOf(shown, way, score), score, order) : numbers;
    };
    const [rows, columns] = [sorted("row"), sorted("column")];
    const rowAt = new Map(rows.map((number, place) => [number, place]));
    const columnAt = new Map(columns.map((number, place) => [number, place]));
    /** @type {(Cell | null)[][]} */
    const cells = rows.map(() => columns.map(() => null));
    for (const cell of shown) {
        cells[rowAt.get(cell.row) ?? 0][columnAt.get(cell.column) ?? 0] = cell;
    }
    return {
        rows: rows.map((index) => ({ index, label: gallery.rows[index] })),
        columns: columns.map((index) => ({ index, label: gallery.columns[index] })),
        cells, shown: shown.length, list: false,
    };
}

/**
 * @param {Gallery} gallery
 * @param {Cell[]} shown
 * @param {Order} order
 * @param {number} across
 * @returns {Board}
 */
function listed(gallery, shown, order, across) {
    const score = gallery.scores[order.by];
    const values = new Map(shown.map((cell) => [cell, score?.cells[cell.key]]));
    const own = score ? inOrder(shown, values, score, order) : shown;
    const count = Math.max(1, Math.min(across, own.length));
    /** @type {(Cell | null)[][]} */
    const cells = [];
    for (let start = 0; start < own.length; start += count) {
        const line = own.slice(start, start + count);
        cells.push([...line, ...Array(count - line.length).fill(null)]);
    }
    return {
        rows: cells.map((_, row) => ({ index: -1, label: `${row * count + 1}–${Math.min(own.length, (row + 1) * count)}` })),
        columns: own.length ? [...Array(count).keys()].map((one) => ({ index: -1, label: String(one + 1) })) : [],
        cells, shown: own.length, list: true,
    };
}

/**
 * What lines are put in order by: means of their pictures, or what the score says of columns alone.
 * @param {Cell[]} cells
 * @param {"row" | "column"} way
 * @param {Score} score
 * @returns {Map<number, number>}
 */
function valuesOf(cells, way, score) {
    if (way === "row" || Object.keys(score.cells).length) return means(cells, way, score);
    const known = Object.entries(score.columns).filter(([, own]) => own.mean !== null);
    return new Map(known.map(([column, own]) => [Number(column), Number(own.mean)]));
}

/**
 * @param {Cell[]} cells
 * @param {"row" | "column"} way
 * @param {Score} score
 * @returns {Map<number, number>}
 */
function means(cells, way, score) {
    /** @type {Map<number, number[]>} */
    const found = new Map();
    for (const cell of cells) {
        const value = score.cells[cell.key];
        if (value === undefined) continue;
        const own = found.get(cell[way]);
        if (own) own.push(value);
        else found.set(cell[way], [value]);
    }
    return new Map([...found].map(([line, own]) => [line, own.reduce((a, b) => a + b, 0) / own.length]));
}

/**
 * Sorted by value, best first or worst first; what has no value comes last, and order is kept.
 * @template T
 * @param {T[]} things
 * @param {Map<T, number | undefined>} values
 * @param {Score} score
 * @param {Order} order
 * @returns {T[]}
 */
function inOrder(things, values, score, order) {
    const sign = (score.better === "lower") !== order.worst ? 1 : -1;
    return [...things].sort((a, b) => {
        const [one, other] = [values.get(a), values.get(b)];
        if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined);
        return sign * (one - other);
    });
}

/**
 * What a cell is, in words.
 * @param {Gallery} gallery
 * @param {Cell} cell
 */
export function spoken(gallery, cell) {
    return `${gallery.rows[cell.row].replaceAll("\n", ", ")}. ${gallery.columns[cell.column].replaceAll("\n", ", ")}`;
}

/** A column's mean with its interval, in words; empty where nothing is known. @param {ColumnScore} own */
export function figure(own) {
    if (own.too_few) return "too few pictures to say";
    if (own.mean === null) return "";
    return short(own.mean) + (own.low === null || own.high === null ? "" : ` (${short(own.low)} to ${short(own.high)})`);
}

/** @param {number} value */
export function short(value) {
    return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toFixed(3)));
}
