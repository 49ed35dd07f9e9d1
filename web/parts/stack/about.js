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
 * @returns {Promise<About>}
 */
async function ask(name) {
    const answer = await api.fetchApi(`/atelier/lora?name=${encodeURIComponent(name)}`);
    const told = await answer.json();
    return {
        picture: told.thumbnail ?? "",
        words: told.trigger_words ?? [],
        settings: Object.entries(told.settings ?? {}),
        blocks: told.blocks ?? [],
        problem: answer.ok ? null : (told.error ?? answer.statusText),
    };
}
