// @ts-check
/** The filter language: text in, a test for pictures out. Pure. */

import { fold } from "./captions.js";
import { FilterError, matcher, parse } from "../query.js";

export { FilterError };

/** @typedef {import("../query.js").Token} Token */

/**
 * @typedef {object} Facts What a filter asks of a picture.
 * @property {string} name
 * @property {string} folded its caption, folded
 * @property {string[]} foldedTags
 * @property {number | null} tokens
 * @property {string[]} flags what was found wrong with it
 * @property {number} cluster that Curate put it into; 0: none
 * @property {number} alike the group of those that look like it; 0: none
 * @property {number} width
 * @property {number} height
 * @property {boolean} mask
 * @property {string} decided
 * @property {string} problem
 * @property {string | null} draft
 */

/** @typedef {import("../query.js").Test} Test */

const NUMBERS = ["tokens", "tags", "width", "height", "cluster", "alike"];
const FIELDS = ["tag", "caption", "name", "flag", "is", ...NUMBERS];
const STATES = ["aside", "kept", "selected", "empty", "masked", "broken", "unsaved"];
/** @type {Record<string, string>} what people say for what Curate says */
const SAME = {
    blur: "soft", blurry: "soft", upscaled: "soft", dark: "too dark", light: "too light",
    small: "too small", crop: "cut off", jpeg: "compression", broken: "unreadable",
    letterbox: "border", blank: "empty",
};

/**
 * A test for pictures; an empty text lets all through. Throws `FilterError`.
 * @param {string} text
 * @param {(picture: any) => boolean} [selected]
 * @returns {Test}
 */
export function compile(text, selected = () => false) {
    return parse(text, FIELDS, (token) => term(token, selected));
}

/**
 * @param {Token} token
 * @param {(picture: any) => boolean} selected
 * @returns {Test}
 */
function term(token, selected) {
    const { field, value, quoted: exact } = token;
    if (NUMBERS.includes(field)) return compared(token, number(field));
    if (field === "is") return state(token, selected);
    if (field === "flag") {
        const wanted = SAME[fold(value)] ?? fold(value);
        const test = matcher(wanted, exact, false);
        return (picture) => picture.flags.some(test);
    }
    const test = matcher(fold(value), exact, field === "tag");
    if (field === "tag") return (picture) => picture.foldedTags.some(test);
    if (field === "name") return (picture) => test(fold(picture.name));
    return (picture) => test(picture.folded);
}

/**
 * @param {string} field
 * @returns {(picture: any) => number | null}
 */
function number(field) {
    if (field === "tags") return (picture) => picture.foldedTags.length;
    return (picture) => picture[field];
}

/**
 * @param {Token} token
 * @param {(picture: any) => number | null} of
 * @returns {Test}
 */
function compared(token, of) {
    const found = /^(?:(<=|>=|<|>|=)?(\d+)|(\d+)\.\.(\d+))$/.exec(token.value);
    if (!found) {
        throw new FilterError(
            `“${token.field}:” wants a number, as in ${token.field}:>75, ${token.field}:3 or ` +
                `${token.field}:10..20.`,
            token.at, token.end,
        );
    }
    const [, sign, limit, least, most] = found;
    const [low, high] = least ? [Number(least), Number(most)] : bounds(sign, Number(limit));
    return (picture) => {
        const own = of(picture);
        return own !== null && own !== undefined && own >= low && own <= high;
    };
}

/**
 * @param {string | undefined} sign
 * @param {number} limit
 */
function bounds(sign, limit) {
    if (sign === ">") return [limit + 1, Infinity];
    if (sign === ">=") return [limit, Infinity];
    if (sign === "<") return [-Infinity, limit - 1];
    if (sign === "<=") return [-Infinity, limit];
    return [limit, limit];
}

/**
 * @param {Token} token
 * @param {(picture: any) => boolean} selected
 * @returns {Test}
 */
function state(token, selected) {
    switch (token.value.toLowerCase()) {
        case "aside": return (picture) => picture.decided === "set aside";
        case "kept": return (picture) => picture.decided !== "set aside";
        case "selected": return selected;
        case "empty": return (picture) => !picture.folded;
        case "masked": return (picture) => picture.mask;
        case "broken": return (picture) => Boolean(picture.problem);
        case "unsaved": return (picture) => picture.draft !== null;
    }
    throw new FilterError(`“is:” wants one of: ${STATES.join(", ")}.`, token.at, token.end);
}

/**
 * A tag as the filter reads it back.
 * @param {string} tag
 */
export function tagTerm(tag) {
    return `tag:"${tag.replace(/[\\"]/g, "\\$&")}"`;
}
