// @ts-check
/** Filters that people write: words and `field:value`, AND, OR, NOT and parentheses. Pure. */

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

/**
 * @typedef {object} Token
 * @property {"(" | ")" | "AND" | "OR" | "NOT" | "term" | "end"} kind
 * @property {number} at
 * @property {number} end
 * @property {string} field
 * @property {string} value
 * @property {boolean} quoted
 */

/** @typedef {(one: any) => boolean} Test */

/**
 * A test; an empty text lets all through. Throws `FilterError`.
 * @param {string} text
 * @param {string[]} fields that there are
 * @param {(token: Token) => Test} term what one term tests
 * @returns {Test}
 */
export function parse(text, fields, term) {
    const tokens = split(text, fields);
    if (tokens.length === 1) return () => true;
    let next = 0;

    /** @returns {Test} */
    function either() {
        const tests = [all()];
        while (tokens[next].kind === "OR") {
            next += 1;
            tests.push(all());
        }
        return tests.length === 1 ? tests[0] : (one) => tests.some((test) => test(one));
    }

    /** @returns {Test} */
    function all() {
        const tests = [negated()];
        for (;;) {
            if (tokens[next].kind === "AND") next += 1;
            else if (!["term", "NOT", "("].includes(tokens[next].kind)) break;
            tests.push(negated());
        }
        return tests.length === 1 ? tests[0] : (one) => tests.every((test) => test(one));
    }

    /** @returns {Test} */
    function negated() {
        if (tokens[next].kind !== "NOT") return single();
        next += 1;
        const test = negated();
        return (one) => !test(one);
    }

    /** @returns {Test} */
    function single() {
        const token = tokens[next];
        next += 1;
        if (token.kind === "term") return term(token);
        if (token.kind !== "(") {
            const what = token.kind === "end" ? "the end" : `“${token.kind}”`;
            throw new FilterError(`Something to look for is missing before ${what}.`, token.at, token.end);
        }
        const test = either();
        if (tokens[next].kind !== ")") {
            throw new FilterError("This parenthesis is not closed.", token.at, token.end);
        }
        next += 1;
        return test;
    }

    const test = either();
    const rest = tokens[next];
    if (rest.kind !== "end") {
        throw new FilterError("This parenthesis was never opened.", rest.at, rest.end);
    }
    return test;
}

/**
 * @param {string} text
 * @param {string[]} fields
 * @returns {Token[]} with an end
 */
function split(text, fields) {
    /** @type {Token[]} */
    const tokens = [];
    let at = 0;
    while (at < text.length) {
        if (/\s/.test(text[at])) at += 1;
        else {
            const token = read(text, at, fields);
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
 * @param {string[]} fields
 * @returns {Token}
 */
function read(text, at, fields) {
    const plain = { at, end: at + 1, field: "", value: "", quoted: false };
    const sign = text[at];
    if (sign === "(" || sign === ")") return { ...plain, kind: sign };
    if ((sign === "-" || sign === "!") && /[^\s)]/.test(text[at + 1] ?? " ")) return { ...plain, kind: "NOT" };
    const word = /^(AND|OR|NOT)(?=[\s()]|$)/.exec(text.slice(at, at + 4));
    if (word) {
        const kind = /** @type {"AND" | "OR" | "NOT"} */ (word[1]);
        return { ...plain, kind, end: at + kind.length };
    }
    const named = /^([A-Za-z_]+):/.exec(text.slice(at, at + 40));
    const field = named && fields.includes(named[1].toLowerCase()) ? named[1].toLowerCase() : "";
    if (named && !field && !named[1].includes("_")) {
        const known = fields.map((one) => `${one}:`).join(" ");
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

/**
 * @param {string} wanted folded
 * @param {boolean} exact `*` and `?` stand for themselves
 * @param {boolean} whole nothing may stand around it
 * @returns {(text: string) => boolean}
 */
export function matcher(wanted, exact, whole) {
    if (exact || !/[*?]/.test(wanted)) {
        return whole ? (text) => text === wanted : (text) => text.includes(wanted);
    }
    const joined = wanted.replace(/\*+/g, "*").replace(/[.+^${}()|[\]\\]/g, "\\$&");
    const pattern = joined.replaceAll("*", "[^]*?").replaceAll("?", "[^]");
    const found = new RegExp(whole ? `^(?:${pattern})$` : pattern, "u");
    return (text) => found.test(text);
}
