// @ts-check
/** Where points lie on a chart. Pure. */

/** @typedef {import("./curves.js").Line} Line */

/**
 * @typedef {object} Range
 * @property {number} least
 * @property {number} most
 * @property {boolean} log
 */

/**
 * Round numbers between two, about `count` of them, and two at least.
 * @param {number} least
 * @param {number} most
 * @param {number} count
 * @returns {number[]}
 */
export function ticks(least, most, count) {
    if (!(most > least)) return [least];
    const rough = (most - least) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10);
    const found = [];
    for (let number = Math.ceil(least / step - 1e-9); number * step <= most * (1 + 1e-12) + step * 1e-9; number += 1)
        found.push(Number((number * step).toPrecision(12)));
    return found.length > 1 || count > 16 ? found : ticks(least, most, 2 * count);
}

/**
 * Powers of ten between two, or round numbers where there are none.
 * @param {Range} range
 * @param {number} count
 */
export function marks(range, count) {
    if (!range.log) return ticks(range.least, range.most, count);
    const found = [];
    for (let power = Math.ceil(Math.log10(range.least)); power <= Math.log10(range.most); power += 1) found.push(10 ** power);
    return found.length > 1 ? found : [range.least, range.most].map((one) => Number(one.toPrecision(2)));
}

/**
 * The range that values take; a few that stand out far at the top do not count, as at a run's start.
 * @param {number[][]} lists
 * @param {boolean} log
 * @returns {Range}
 */
export function rangeOf(lists, log = false) {
    const all = lists.flat().filter((one) => Number.isFinite(one) && (!log || one > 0)).sort((a, b) => a - b);
    if (!all.length) return { least: log ? 0.1 : 0, most: 1, log };
    const high = all[Math.floor(0.99 * (all.length - 1))];
    let [least, most] = [all[0], all.at(-1) ?? 1];
    if (!log && most > high + 2 * (high - least)) most = high;
    if (log) return { least, most: most > least ? most : least * 10, log };
    if (least >= 0 && least < 0.6 * most) least = 0;
    const room = 0.04 * (most - least) || Math.abs(most) * 0.1 || 1;
    return { least: least === 0 ? 0 : least - room, most: most + room, log };
}

/**
 * Where a value lies in a range: 0 at its least, 1 at its most; held to these.
 * @param {number} value
 * @param {Range} range
 */
export function share(value, range) {
    const [at, least, most] = range.log ? [value, range.least, range.most].map(Math.log10) : [value, range.least, range.most];
    return Math.min(1, Math.max(0, (at - least) / (most - least || 1)));
}

/**
 * The `d` of a path through a line's points.
 * @param {Line} line
 * @param {(step: number) => number} x
 * @param {(value: number) => number} y
 */
export function path([steps, values], x, y) {
    let text = "";
    let pen = "M";
    for (let place = 0; place < steps.length; place += 1) {
        const height = y(values[place]);
        if (!Number.isFinite(height)) {
            pen = "M";
            continue;
        }
        text += `${pen}${x(steps[place]).toFixed(1)} ${height.toFixed(1)}`;
        pen = "L";
    }
    return text;
}

/**
 * The place of the point whose step is nearest; -1 where there is none.
 * @param {number[]} steps in order
 * @param {number} step
 */
export function nearest(steps, step) {
    let [low, high] = [0, steps.length - 1];
    if (high < 0) return -1;
    while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (steps[middle] <= step) low = middle;
        else high = middle;
    }
    return step - steps[low] <= steps[high] - step ? low : high;
}
