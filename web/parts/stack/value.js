// @ts-check
/**
 * The value of a stack: JSON in a string, as the engine documents it in training/stack/rows.py.
 * Lists are never changed in place. What a row holds besides is kept as it is.
 */

export const EMPTY = '{"version": 1, "rows": []}';

const ANOTHER = "This JSON is of another form. If it is another pack's stack, it works as it is.";

/**
 * @typedef {object} Row
 * @property {boolean} on
 * @property {string} lora name under models/loras, with `/`
 * @property {number} model
 * @property {number} [text] strength for the text encoders; without it, that of the model
 * @property {Record<string, number>} [blocks] factor by pattern of layers' names
 * @property {[number, number][]} [schedule] share of the steps, factor from there on
 */

/**
 * @typedef {{rows: Row[], problem: null} | {rows: null, problem: string}} Parsed
 */

/**
 * The rows in `text`, or why it is not ours to show as rows.
 * @param {string} text
 * @returns {Parsed}
 */
export function parse(text) {
    if (!text.trim()) return { rows: [], problem: null };
    let value;
    try {
        value = JSON.parse(text);
    } catch (error) {
        return no(`This is no JSON: ${error instanceof Error ? error.message : error}`);
    }
    if (!isObject(value) || !Array.isArray(value.rows)) return no(ANOTHER);
    const version = value.version ?? 1;
    if (version !== 1) return no(`Version ${version} is newer than this Atelier.`);
    const rows = [];
    for (const [number, given] of value.rows.entries()) {
        const row = isObject(given) ? filled(given) : null;
        if (!row) return no(`Row ${number + 1} is not of our form.`);
        rows.push(row);
    }
    return { rows, problem: null };
}

/**
 * @param {readonly Row[]} rows
 * @returns {string}
 */
export function serialise(rows) {
    return JSON.stringify({ version: 1, rows });
}

/**
 * @param {string} [lora]
 * @returns {Row}
 */
export function newRow(lora = "") {
    return { on: true, lora, model: 1 };
}

/**
 * `row` with `changes`; a field that they set to undefined goes.
 * @param {Row} row
 * @param {Partial<Row>} changes
 * @returns {Row}
 */
export function patched(row, changes) {
    const kept = Object.entries({ ...row, ...changes }).filter(([, value]) => value !== undefined);
    return /** @type {Row} */ (Object.fromEntries(kept));
}

/**
 * @template T
 * @param {readonly T[]} list
 * @param {number} place
 * @param {T} item
 * @returns {T[]}
 */
export function replaced(list, place, item) {
    return list.map((old, number) => (number === place ? item : old));
}

/**
 * @template T
 * @param {readonly T[]} list
 * @param {number} place before which `item` comes
 * @param {T} item
 * @returns {T[]}
 */
export function inserted(list, place, item) {
    return [...list.slice(0, place), item, ...list.slice(place)];
}

/**
 * @template T
 * @param {readonly T[]} list
 * @param {number} place
 * @returns {T[]}
 */
export function removed(list, place) {
    return list.filter((_, number) => number !== place);
}

/**
 * `list` with the item at `from` at `to`, both kept within the list.
 * @template T
 * @param {readonly T[]} list
 * @param {number} from
 * @param {number} to
 * @returns {T[]}
 */
export function moved(list, from, to) {
    if (!(from in list)) return [...list];
    const end = Math.max(0, Math.min(list.length - 1, to));
    return inserted(removed(list, from), end, list[from]);
}

/**
 * All on, or all off where all are on.
 * @param {readonly Row[]} rows
 * @returns {Row[]}
 */
export function toggledAll(rows) {
    const on = !rows.every((row) => row.on);
    return rows.map((row) => patched(row, { on }));
}

/**
 * `given` with defaults where it says nothing, or null where something is of another type.
 * @param {Record<string, unknown>} given
 * @returns {Row | null}
 */
function filled(given) {
    const row = { ...newRow(), ...given };
    for (const name of /** @type {const} */ (["text", "blocks", "schedule"])) {
        if (row[name] === null) delete row[name]; // the engine takes null for "not said"
    }
    const { on, lora, model, text, blocks, schedule } = row;
    const right =
        typeof on === "boolean" &&
        typeof lora === "string" &&
        typeof model === "number" &&
        ["number", "undefined"].includes(typeof text) &&
        (blocks === undefined || (isObject(blocks) && Object.values(blocks).every(isNumber))) &&
        (schedule === undefined || (Array.isArray(schedule) && schedule.every(isPair)));
    return right ? row : null;
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value */
function isNumber(value) {
    return typeof value === "number";
}

/** @param {unknown} value */
function isPair(value) {
    return Array.isArray(value) && value.length === 2 && value.every(isNumber);
}

/**
 * @param {string} problem
 * @returns {Parsed}
 */
function no(problem) {
    return { rows: null, problem };
}
