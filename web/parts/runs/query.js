// @ts-check
/** The search of the runs page: `rank=16 lr<1e-3 hats`. Pure. */

export class QueryError extends Error {}

/**
 * @typedef {object} Row A run, as the server lists it.
 * @property {string} name
 * @property {string} title
 * @property {string[]} tags
 * @property {boolean} archived
 * @property {string} state
 * @property {string} error
 * @property {number} step
 * @property {number} steps
 * @property {number} begun
 * @property {number} seconds
 * @property {number | null} loss
 * @property {number | null} held_out
 * @property {Record<string, any>} config settings that are not the defaults
 * @property {string} continues
 * @property {boolean} graph
 * @property {string} node
 */

/** @type {Record<string, string>} what people write for a setting */
const SHORT = { lr: "learning_rate", batch: "batch_size", wd: "weight_decay", val: "held_out", accum: "accumulation" };
const OWN = ["name", "title", "state", "step", "loss", "held_out", "seconds", "error", "continues"];
const TERM = /^([A-Za-z_]\w*)(<=|>=|!=|=|<|>|:)(.*)$/;

/**
 * A test for rows. Throws `QueryError` in words for the person.
 *
 * Words are looked for in name, title, tags and texts of the settings; `key=value` and its kin
 * compare a setting, or one of state, step, loss, held_out; `tag:word`, `state:running`; a `-`
 * before a term turns it round.
 * @param {string} text
 * @param {Record<string, any>} defaults
 * @returns {(row: Row) => boolean}
 */
export function compile(text, defaults) {
    const tests = split(text).map((word) => {
        const not = word.length > 1 && word.startsWith("-");
        const test = term(not ? word.slice(1) : word, defaults);
        return not ? (/** @type {Row} */ row) => !test(row) : test;
    });
    return (row) => tests.every((test) => test(row));
}

/** Words, where quotes keep one together. @param {string} text */
function split(text) {
    const words = text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
    return words.map((word) => word.replaceAll('"', "")).filter(Boolean);
}

/**
 * @param {string} word
 * @param {Record<string, any>} defaults
 * @returns {(row: Row) => boolean}
 */
function term(word, defaults) {
    const found = TERM.exec(word);
    if (!found) return (row) => textOf(row).includes(word.toLowerCase());
    const [, written, sign, value] = found;
    const key = SHORT[written.toLowerCase()] ?? written.toLowerCase();
    if (!value) throw new QueryError(`“${written}${sign}” needs a value after it.`);
    if (key === "tag") return (row) => row.tags.some((tag) => tag.toLowerCase() === value.toLowerCase());
    if (!OWN.includes(key) && !(key in defaults)) {
        throw new QueryError(`There is no setting “${written}”. Settings have the names that they have on the nodes.`);
    }
    const test = comparison(sign, value, written);
    return (row) => test(OWN.includes(key) ? /** @type {any} */ (row)[key] : (row.config[key] ?? defaults[key]));
}

/**
 * @param {string} sign
 * @param {string} value
 * @param {string} written
 * @returns {(found: any) => boolean}
 */
function comparison(sign, value, written) {
    const wanted = Number(value);
    if (["<", ">", "<=", ">="].includes(sign)) {
        if (Number.isNaN(wanted)) throw new QueryError(`“${written}${sign}” needs a number, not “${value}”.`);
        return (found) => {
            if (typeof found !== "number") return false;
            if (sign === "<") return found < wanted;
            if (sign === ">") return found > wanted;
            return sign === "<=" ? found <= wanted : found >= wanted;
        };
    }
    const text = value.toLowerCase();
    const same = (/** @type {any} */ found) => {
        if (typeof found === "number") return Math.abs(found - wanted) <= 1e-9 * Math.abs(wanted);
        if (typeof found === "boolean") return (found ? ["true", "on", "yes", "1"] : ["false", "off", "no", "0"]).includes(text);
        const own = String(found ?? "").toLowerCase();
        return sign === ":" ? own.includes(text) : own === text;
    };
    return sign === "!=" ? (found) => !same(found) : same;
}

/** @param {Row} row */
function textOf(row) {
    const said = Object.values(row.config).filter((one) => typeof one === "string");
    return [row.name, row.title, ...row.tags, row.state, ...said].join("\n").toLowerCase();
}

/**
 * The settings in which rows differ, with the value of each.
 * @param {Row[]} rows
 * @param {Record<string, any>} defaults
 * @returns {[string, any[]][]}
 */
export function differing(rows, defaults) {
    const keys = [...new Set(rows.flatMap((row) => Object.keys(row.config)))].sort();
    return keys
        .map((key) => /** @type {[string, any[]]} */ ([key, rows.map((row) => row.config[key] ?? defaults[key])]))
        .filter(([, values]) => new Set(values.map((one) => JSON.stringify(one))).size > 1);
}

/**
 * Whether a run may be of a node whose name is `wanted`: the name, or the name with a number.
 * @param {string} run
 * @param {string} wanted
 */
export function called(run, wanted) {
    if (!wanted || !run.startsWith(wanted)) return false;
    return /^(-\d+)?$/.test(run.slice(wanted.length));
}
