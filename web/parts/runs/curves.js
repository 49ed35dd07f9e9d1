// @ts-check
/** The curves of one run as this page knows them, put together from what the server tells. Pure. */

/** @typedef {[number[], number[]]} Line steps and values */

/**
 * @typedef {object} Told
 * @property {string} from the place in the log that it goes on from; empty: it is all there is
 * @property {string} to
 * @property {Record<string, Line>} series
 */

export const MOST = 4000; // points of a series, before they are asked for anew

export class Curves {
    constructor() {
        /** @type {string} */
        this.cursor = "";
        /** @type {Record<string, Line>} */
        this.series = {};
    }

    /**
     * Take what was told, if it joins what is known. False: something lies between, ask for it.
     * @param {Told} told
     */
    take(told) {
        if (told.from === "") {
            this.series = told.series;
            this.cursor = told.to;
            return true;
        }
        if (!this.cursor) return false;
        if (told.from !== this.cursor) return !after(told.to, this.cursor);
        for (const [key, [steps, values]] of Object.entries(told.series)) {
            const line = (this.series[key] ??= [[], []]);
            line[0].push(...steps);
            line[1].push(...values);
        }
        this.cursor = told.to;
        return true;
    }

    /**
     * What stands beside the log: told as it is now.
     * @param {number} step
     * @param {Record<string, number>} values
     */
    note(step, values) {
        for (const [key, value] of Object.entries(values)) {
            const [steps, list] = (this.series[key] ??= [[], []]);
            if (!value || (steps.at(-1) ?? -1) >= step) continue;
            steps.push(step);
            list.push(value);
        }
    }

    /** Whether so much was added that it should be asked for anew, with fewer points. */
    get full() {
        return Object.values(this.series).some(([steps]) => steps.length > MOST);
    }

    /** @param {string} key */
    last(key) {
        return this.series[key]?.[1].at(-1) ?? null;
    }
}

/**
 * Whether a place lies after another, or in a log that was written anew.
 * @param {string} place
 * @param {string} other
 */
function after(place, other) {
    const [[generation, line], [known, last]] = [place, other].map((one) => one.split(":").map(Number));
    return generation !== known || line > last;
}
