// @ts-check
/** Grids of ComfyUI's server. */

import { api } from "../../../../scripts/api.js";
import { Refusal } from "../dataset/server.js";

const ROOT = "/atelier/grids";

/**
 * @param {string} path
 * @param {Record<string, string>} query
 */
function address(path, query) {
    return `${ROOT}${path}?${new URLSearchParams(query)}`;
}

/**
 * @param {string} path
 * @param {RequestInit} [how]
 * @returns {Promise<any>}
 */
async function ask(path, how = { cache: "no-store" }) {
    const answer = await api.fetchApi(path, how);
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refusal(answer.status, told);
    return told;
}

/** @type {import("./store.js").Source} */
export const server = {
    names: async () => (await ask(ROOT)).grids,
    open: (name) => ask(address("/one", { name })),
    image: ({ folder, made }, key, size) => api.apiURL(address("/picture", { name: folder, key, size, v: made })),
    pair: ({ folder, made }, picture) => api.apiURL(address("/pair", { name: folder, picture, v: made })),
    async vote({ folder }, vote) {
        return (await ask(`${ROOT}/votes`, { method: "POST", body: JSON.stringify({ name: folder, ...vote }), keepalive: true })).time;
    },
    async unvote({ folder }, vote) {
        await ask(`${ROOT}/votes/undo`, { method: "POST", body: JSON.stringify({ name: folder, ...vote }) });
    },
    results: ({ folder }) => ask(address("/votes", { name: folder })),
    html: ({ folder }) => api.apiURL(address("/html", { name: folder })),
    take: ({ folder }, file) => ask(address("/votes/import", { name: folder }), { method: "POST", body: file }),
};
