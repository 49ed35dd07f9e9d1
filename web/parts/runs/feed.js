// @ts-check
/** What the server tells of runs as they go on; and asking for what was missed. */

import { api } from "../../../../scripts/api.js";
import { Curves } from "./curves.js";
import { ask, path } from "./server.js";

/**
 * @typedef {object} Telling What the server sends every second of a run.
 * @property {string} run
 * @property {string} node the number of its node; in a subgraph, those around it come first
 * @property {"running" | "finished" | "stopped" | "failed"} state
 * @property {string} error
 * @property {number} step
 * @property {number} steps
 * @property {string} from
 * @property {string} to
 * @property {Record<string, import("./curves.js").Line>} series
 * @property {number} speed
 * @property {number | null} left seconds
 * @property {number} memory
 * @property {string} note
 */

/**
 * @typedef {object} Followed
 * @property {Curves} curves
 * @property {Telling | null} telling the newest
 * @property {number} heard when, in milliseconds
 * @property {Set<(run: Followed) => void>} readers
 * @property {Promise<void> | null} asking
 */

const SILENT = 10_000; // milliseconds without a telling, after which we ask

/** @type {Map<string, Followed>} */
const followed = new Map();
/** @type {Set<(telling: Telling) => void>} */
const listeners = new Set();
let begun = false;

function begin() {
    if (begun) return;
    begun = true;
    api.addEventListener("atelier.run", (event) => heard(/** @type {CustomEvent<Telling>} */ (event).detail));
    api.addEventListener("reconnected", () => {
        for (const name of followed.keys()) void catchUp(name);
    });
    setInterval(() => {
        for (const [name, one] of followed)
            if (performance.now() - one.heard > SILENT && one.telling?.state !== "finished") void catchUp(name);
    }, SILENT);
}

/**
 * Hear of every run.
 * @param {(telling: Telling) => void} tell
 * @returns {() => void} to hear no more
 */
export function listen(tell) {
    begin();
    listeners.add(tell);
    return () => void listeners.delete(tell);
}

/**
 * Know the curves of a run, and hear when they grow.
 * @param {string} name
 * @param {(run: Followed) => void} read
 * @returns {() => void} to hear no more
 */
export function follow(name, read) {
    begin();
    let one = followed.get(name);
    if (!one) {
        one = { curves: new Curves(), telling: null, heard: performance.now(), readers: new Set(), asking: null };
        followed.set(name, one);
        void catchUp(name);
    }
    one.readers.add(read);
    if (one.curves.cursor) read(one);
    return () => {
        one.readers.delete(read);
        if (!one.readers.size && followed.get(name) === one) followed.delete(name);
    };
}

/** @param {Telling} telling */
function heard(telling) {
    for (const tell of listeners) tell(telling);
    const one = followed.get(telling.run);
    if (!one) return;
    one.telling = telling;
    one.heard = performance.now();
    const joined = one.curves.take(telling);
    if (joined) one.curves.note(telling.step, { speed: telling.speed, memory: telling.memory });
    if (!joined || one.curves.full) void catchUp(telling.run);
    else tellReaders(one);
}

/**
 * Ask for what was missed of a run's curves.
 * @param {string} name
 */
export function catchUp(name) {
    const one = followed.get(name);
    if (!one) return Promise.resolve();
    one.asking ??= (async () => {
        try {
            const after = one.curves.full ? "" : one.curves.cursor;
            one.curves.take(await ask(path(name, `/series?after=${encodeURIComponent(after)}`)));
            one.heard = performance.now();
        } catch {
            // Not there now, or the connection is lost: asked again when it is back, or in a while.
        } finally {
            one.asking = null;
        }
        tellReaders(one);
    })();
    return one.asking;
}

/** @param {Followed} one */
function tellReaders(one) {
    for (const read of one.readers) read(one);
}
