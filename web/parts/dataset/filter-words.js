// @ts-check
/** The words of a filter, and where each stands. Pure. */

export class FilterError extends Error {
    /**
     * @param {string} message
     * @param {number} at the first character of what is wrong
     * @param {number} end
     */
    constructor(message, at, end) {
        super(message);
        this.at = at;
        this.end = end;
    }
}

export const NUMBERS = ["tokens", "tags", "width", "height", "cluster", "alike"];
const FIELDS = ["tag", "caption", "name", "flag", "is", ...NUMBERS];

/**
 * @typedef {object} Token
 * @property {"(" | ")" | "AND" | "OR" | "NOT" | "term" | "end"} kind
 * @property {number} at
 * @property {number} end
 * @property {string} field
 * @property {string} value
 * @property {boolean} quoted
 */

/**
 * @param {string} text
 * @returns {Token[]} with an end
 */
export function split(text) {
    /** @type {Token[]} */
    const tokens = [];
    let at = 0;
    while (at < text.length) {
        if (/\s/.test(text[at])) at += 1;
        else {
            const token = read(text, at);
            tokens.push(token);
            at = token.end;
        }
    }
    tokens.push({ kind: "end", at, end: at, field: "", value: "", quoted: false });
    return tokens;
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {Token}
 */
function read(text, at) {
    const plain = { at, end: at + 1, field: "", value: "", quoted: false };
    const sign = text[at];
    if (sign === "(" || sign === ")") return { ...plain, kind: sign };
    if ((sign === "-" || sign === "!") && /[^\s)]/.test(text[at + 1] ?? " ")) return { ...plain, kind: "NOT" };
    const word = /^(AND|OR|NOT)(?=[\s()]|$)/.exec(text.slice(at, at + 4));
    if (word) {
        const kind = /** @type {"AND" | "OR" | "NOT"} */ (word[1]);
        return { ...plain, kind, end: at + kind.length };
    }
    const named = /^([A-Za-z]+):/.exec(text.slice(at, at + 20));
    const field = named && FIELDS.includes(named[1].toLowerCase()) ? named[1].toLowerCase() : "";
    if (named && !field) {
        const known = FIELDS.map((one) => `${one}:`).join(" ");
        throw new FilterError(
            `There is no “${named[1]}:”. There are ${known} Put what has a colon in quotes.`,
            at, at + named[0].length,
        );
    }
    const start = field ? at + field.length + 1 : at;
    if (text[start] === '"') return quoted(text, at, start, field);
    const end = endOfWord(text, start);
    if (end === start) throw new FilterError(`“${field}:” needs a value after it.`, at, start);
    return { kind: "term", at, end, field, value: text.slice(start, end), quoted: false };
}

/**
 * @param {string} text
 * @param {number} at
 * @param {number} start of the first quote
 * @param {string} field
 * @returns {Token}
 */
function quoted(text, at, start, field) {
    let value = "";
    for (let place = start + 1; place < text.length; place += 1) {
        if (text[place] === '"') return { kind: "term", at, end: place + 1, field, value, quoted: true };
        if (text[place] === "\\" && place + 1 < text.length) place += 1;
        value += text[place];
    }
    throw new FilterError("This quote is not closed.", start, text.length);
}

/**
 * A word may have pairs of parentheses in it, as tags do.
 * @param {string} text
 * @param {number} start
 */
function endOfWord(text, start) {
    let open = 0;
    for (let at = start; at < text.length; at += 1) {
        if (/\s/.test(text[at])) return at;
        if (text[at] === "(") {
            if (at === start) return at;
            open += 1;
        }
        if (text[at] === ")" && --open < 0) return at;
    }
    return text.length;
}
