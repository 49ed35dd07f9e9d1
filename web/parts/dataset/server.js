// @ts-check
/** What the page asks of the server. */

import { api } from "../../../../scripts/api.js";

const ROOT = "/atelier/dataset";

/** An answer that says no: `status`, and what came with it. */
export class Refusal extends Error {
    /**
     * @param {number} status
     * @param {any} answer
     */
    constructor(status, answer) {
        super(answer.error ?? `The server answered ${status}.`);
        this.status = status;
        this.answer = answer;
    }
}

/**
 * @param {string} path
 * @param {Record<string, string>} query
 */
function address(path, query) {
    return `${ROOT}${path}?${new URLSearchParams(query)}`;
}

/**
 * @param {Response} answer
 * @returns {Promise<any>}
 */
async function read(answer) {
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refusal(answer.status, told);
    return told;
}

/**
 * @param {string} path
 * @param {Record<string, string>} query
 */
export async function get(path, query) {
    return read(await api.fetchApi(address(path, query), { cache: "no-store" }));
}

/**
 * @param {string} path
 * @param {any} body
 */
export async function post(path, body) {
    const text = JSON.stringify(body);
    return read(
        await api.fetchApi(`${ROOT}${path}`, {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: text,
            keepalive: text.length < 60_000, // so that it is sent from a page that is left
        }),
    );
}

/**
 * Where a small picture is; another address when the picture is another.
 * @param {string} folder
 * @param {import("./picture.js").Picture} picture
 * @param {"small" | "large" | "mask"} kind
 */
export function imageAddress(folder, picture, kind) {
    const query = { folder, name: picture.name, v: picture.stamp };
    if (kind === "mask") return api.apiURL(address("/mask", query));
    return api.apiURL(address("/thumbnail", kind === "large" ? { ...query, size: kind } : query));
}
