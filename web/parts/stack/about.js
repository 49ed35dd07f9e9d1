// @ts-check
/** What a LoRA file says of itself, asked of the server once. */

import { api } from "../../../../scripts/api.js";

/**
 * @typedef {object} About
 * @property {string} picture its address, or empty
 * @property {string[]} words trigger words
 * @property {[string, string][]} settings labels and values, as it was trained
 */

/** @type {Map<string, Promise<About | null>>} */
const asked = new Map();

/**
 * @param {string} name under models/loras
 * @returns {Promise<About | null>} null where the server has no such file
 */
export function about(name) {
    let answer = asked.get(name);
    if (!answer) {
        answer = ask(name);
        asked.set(name, answer);
    }
    return answer;
}

/** Files may have been written anew. */
export function forgetAll() {
    asked.clear();
}

/**
 * @param {string} name
 * @returns {Promise<About | null>}
 */
async function ask(name) {
    const answer = await api.fetchApi(`/atelier/loras/${encodeURIComponent(name)}`);
    return answer.ok ? await answer.json() : null;
}
