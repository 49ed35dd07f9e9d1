// @ts-check
/** Numbers as a person reads them, and rows in an order. Needs no page. */

/**
 * @typedef {object} Row A point of a sweep, as the server tells it.
 * @property {number} point
 * @property {string} name
 * @property {string} state
 * @property {Record<string, any>} values by axis
 * @property {Record<string, { value: number, low?: number, high?: number }>} [scores]
 * @property {string[]} [runs]
 * @property {string[]} [files]
 * @property {{ filename: string, subfolder: string, type: string }[]} [pictures]
 * @property {number} [seconds]
 * @property {number} [bytes] of its run's folder
 * @property {boolean} [ended_early] its training, by a search that saw no good in it
 * @property {string} [error]
 */

/** @param {number | null | undefined} seconds */
export function duration(seconds) {
    if (seconds === null || seconds === undefined) return "";
    if (seconds < 90) return `${Math.round(seconds)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} size in bytes */
export function amount(size) {
    let left = size;
    for (const unit of ["bytes", "KB", "MB"]) {
        if (left < 1000) return `${Math.round(left)} ${unit}`;
        left /= 1000;
    }
    return `${left.toFixed(1)} GB`;
}

/** @param {any} value */
export function shown(value) {
    return typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
}

/** @param {{ value: number, low?: number, high?: number } | undefined} score */
export function scored(score) {
    if (!score) return "";
    const ends = score.low !== undefined && score.high !== undefined;
    return shown(score.value) + (ends ? ` (${shown(score.low)} to ${shown(score.high)})` : "");
}

/**
 * What a point has in a column: an axis, a score, or one of the row's own.
 * @param {Row} row
 * @param {string} column
 * @returns {any}
 */
export function cell(row, column) {
    if (column in row.values) return row.values[column];
    if (row.scores && column in row.scores) return row.scores[column].value;
    return /** @type {any} */ (row)[column];
}

/**
 * The rows by a column; those that have nothing there come last, either way.
 * @param {Row[]} rows
 * @param {string} column
 * @param {boolean} down
 */
export function sorted(rows, column, down) {
    return [...rows].sort((one, other) => {
        const [a, b] = [cell(one, column), cell(other, column)];
        if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
        const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
        return (down ? -order : order) || one.point - other.point;
    });
}

/**
 * How many points are in which state.
 * @param {Row[]} rows
 */
export function counted(rows) {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const row of rows) counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
    return [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
}

/**
 * The axes that differ between points.
 * @param {Row[]} rows
 * @param {string[]} axes
 */
export function differing(rows, axes) {
    return axes.filter((axis) => new Set(rows.map((row) => row.values[axis])).size > 1);
}

/** What a point cost, which a front may weigh against its scores: less is better. */
export const COSTS = /** @type {Record<string, string>} */ ({ seconds: "time", bytes: "disk" });

/**
 * The costs that any point tells.
 * @param {Row[]} rows
 */
export function costs(rows) {
    return Object.keys(COSTS).filter((name) => rows.some((row) => typeof cell(row, name) === "number"));
}

/**
 * What a front can be of: the scores, and the costs that any point tells.
 * @param {{ rows: Row[], scores: string[] }} table
 */
export function aims({ rows, scores }) {
    return [...scores, ...costs(rows)].map((name) => ({ name, label: scores.includes(name) ? name : COSTS[name] }));
}

/**
 * How a front stands, in words.
 * @param {string[]} names what is chosen
 * @param {{ rows: Row[], pareto?: number[] }} table
 */
export function frontWords(names, { rows, pareto }) {
    if (!names.length) return "";
    if (names.length === 1) return "Choose one more: a front is of two scores or more.";
    if (!pareto) return "";
    if (!pareto.length) return "No point has all of these yet.";
    return `${pareto.length} of ${rows.length} points are on the front: ${pareto.join(", ")}.`;
}
