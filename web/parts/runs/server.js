// @ts-check
/** What the runs page and the nodes ask of the server. */

import { api } from "../../../../scripts/api.js";
import { Refusal } from "../dataset/server.js";

/**
 * @param {string} path below /atelier
 * @param {any} [body] what is posted; without one it is only asked
 * @returns {Promise<any>}
 */
export async function ask(path, body) {
    const answer = await api.fetchApi(`/atelier/${path}`, {
        cache: "no-store",
        ...(body === undefined
            ? {}
            : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refusal(answer.status, told);
    return told;
}

/** @param {string} name of a run @param {string} [more] */
export function path(name, more = "") {
    return `runs/${encodeURIComponent(name)}${more}`;
}

/** Where a run's graph is, for the canvas. @param {string} name */
export function graphAddress(name) {
    return new URL(api.apiURL(`/atelier/${path(name, "/graph")}`), location.href).href;
}

/**
 * Where a sample picture is.
 * @param {{ filename: string, subfolder: string, stamp: number }} picture
 */
export function pictureAddress({ filename, subfolder, stamp }) {
    return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type: "output", v: String(stamp) })}`);
}
