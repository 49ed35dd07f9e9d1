// @ts-check
/** What the sweep panel asks of the server. */

import { api } from "../../../../scripts/api.js";

const ROOT = "/atelier/sweeps";

/**
 * @param {string} path
 * @param {any} [body] sent with POST
 * @returns {Promise<any>} Raises an `Error` that says why not.
 */
export async function ask(path, body) {
    const posted = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const answer = await api.fetchApi(`${ROOT}${path}`, body === undefined ? { cache: "no-store" } : posted);
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.error ?? `The server answered ${answer.status}.`);
    return told;
}

/** @param {string} name of a sweep */
export function of(name) {
    return `/of/${encodeURIComponent(name)}`;
}

/**
 * The table of a sweep, with the points of a Pareto front if there are scores for one.
 * @param {string} name
 * @param {string[]} front
 */
export function tableOf(name, front) {
    const query = new URLSearchParams(front.map((score) => ["pareto", score]));
    return of(name) + (front.length ? `?${query}` : "");
}

/** @param {string} name */
export function csvAddress(name) {
    return api.apiURL(`${ROOT}${of(name)}/table.csv`);
}

/** @param {{ filename: string, subfolder: string, type: string }} picture */
export function pictureAddress(picture) {
    return api.apiURL(`/view?${new URLSearchParams(picture)}`);
}
