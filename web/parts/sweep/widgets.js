// @ts-check
/** Which widgets of which nodes a sweep may change. */

import { app } from "../../../../scripts/app.js";

/**
 * @typedef {object} Place
 * @property {string} node as prompts have it: in a subgraph, the numbers of those around come first
 * @property {string} title
 * @property {any} owner the node itself
 */

/**
 * Every node of the graph and its subgraphs.
 * @returns {Place[]}
 */
export function places() {
    /** @type {Place[]} */
    const found = [];
    const walk = (/** @type {any} */ graph, /** @type {string} */ lead) => {
        for (const node of graph?.nodes ?? []) {
            const number = `${lead}${node.id}`;
            found.push({ node: number, title: node.title, owner: node });
            if (node.subgraph) walk(node.subgraph, `${number}:`);
        }
    };
    walk(app.rootGraph ?? app.graph, "");
    return found;
}

/**
 * The names of the widgets that have a value of the workflow and no wire. Of a node that shows a
 * subgraph, those that are fed into it.
 * @param {any} node
 * @returns {string[]}
 */
export function sweepable(node) {
    if (node.subgraph) {
        const free = (node.inputs ?? []).filter((/** @type {any} */ one) => one.widget && (one.link ?? null) === null);
        return free.map((/** @type {any} */ one) => one.name);
    }
    const input = node.constructor?.nodeData?.input ?? {};
    const known = { ...input.required, ...input.optional };
    const wired = (node.inputs ?? [])
        .filter((/** @type {any} */ one) => one.widget && one.link !== null && one.link !== undefined)
        .map((/** @type {any} */ one) => one.widget.name);
    return (node.widgets ?? [])
        .map((/** @type {any} */ widget) => widget.name)
        .filter((/** @type {string} */ name) => name in known && !wired.includes(name));
}

/**
 * An axis of the values that a widget has now.
 * @param {Place} place
 * @param {string} input
 */
export function axisOf(place, input) {
    const slot = place.owner.widgets.findIndex((/** @type {any} */ one) => one.name === input);
    const value = String(place.owner.widgets[slot].value);
    const values = value.includes(",") && !value.includes("\n") ? `"${value}"` : value;
    return { node: place.node, input, title: place.title, slot, values };
}
