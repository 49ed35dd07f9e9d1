// @ts-check
/** What a LoRA file says of itself, asked of the server once. */

import { api } from "../../../../scripts/api.js";

/**
 * @typedef {object} About
 * @property {string} picture its address, or empty
 * @property {string[]} words trigger words
 * @property {[string, string][]} settings labels and values, as it was trained
 * @property {string[]} blocks that it changes, as patterns for a row's block weights
 * @property {string | null} problem why nothing is known of it
 */

/** @type {Map<string, Promise<About>>} */
const asked = new Map();

/**
 * @param {string} name under models/loras
 * @returns {Promise<About>}
 */
export function about(name) {
    let answer = asked.get(name);
    if (!answer) {
        answer = ask(name).catch((/** @type {Error} */ error) => {
            asked.delete(name); // another time it may answer
            return read({ error: `The server does not tell of it: ${error.message}` });
        });
        asked.set(name, answer);
    }
    return answer;
}

/** Files may have been written anew. */
export function forgetAll() {
    asked.clear();
}

/** @param {string} name */
async function ask(name) {
    const answer = await api.fetchApi(`/atelier/lora?name=${encodeURIComponent(name)}`);
    return read(await answer.json());
}

/**
 * @param {any} told the server's answer
 * @returns {About}
 */
function read(told) {
    return {
        picture: told.thumbnail ?? "",
        words: told.trigger_words ?? [],
        settings: Object.entries(told.settings ?? {}),
        blocks: told.blocks ?? [],
        problem: told.error ?? null,
    };
}
