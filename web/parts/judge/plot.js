// @ts-check
/** Fidelity over prompt following, a point for each checkpoint and strength. */

import { part } from "./svg.js";

/** @typedef {{ mean: number | null, low: number | null, high: number | null }} Range */

/**
 * @typedef {object} Point A column: shares, where 1 is real pictures, or following as the base does.
 * @property {number | null} column
 * @property {string} label
 * @property {number | null} checkpoint
 * @property {number | null} strength
 * @property {Range} fidelity
 * @property {Range} prompt
 * @property {string[]} flags what speaks against it
 * @property {boolean} chosen
 */

const [WIDE, HIGH] = [640, 400];
const EDGE = { left: 52, top: 30, right: 24, bottom: 44 };
const TICKS = 4;

/** Where no encoder knows prompts, all points stand at the base's. @param {Point} point */
const across = (point) => point.prompt.mean ?? 1;

/** Those that can be drawn, with their number in the table. @param {Point[]} points */
export function shown(points) {
    return points.map((point, place) => ({ point, number: place + 1 })).filter(({ point }) => point.fidelity.mean !== null);
}

/**
 * The points of each strength in the order of training, where there is more than one.
 * @param {Point[]} points
 */
export function lines(points) {
    const drawn = points.filter((point) => point.fidelity.mean !== null);
    const strengths = [...new Set(drawn.map((point) => point.strength))];
    return strengths
        .map((strength) => drawn.filter((point) => point.strength === strength).sort((a, b) => (a.checkpoint ?? 0) - (b.checkpoint ?? 0)))
        .filter((line) => line.length > 1);
}

/**
 * From the lowest to the highest with some room: of what is drawn, and of `always`.
 * @param {(number | null)[]} values
 * @param {number[]} always
 * @returns {[number, number]}
 */
export function range(values, ...always) {
    const numbers = [...always, ...values.filter((value) => value !== null)].map(Number);
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    const room = Math.max(0.1 * (high - low), 0.05);
    return [low - room, high + room];
}

/**
 * @param {Point[]} points
 * @returns {SVGElement}
 */
export function plot(points) {
    const drawn = shown(points);
    const values = (/** @type {"fidelity" | "prompt"} */ name) => drawn.flatMap(({ point }) => [point[name].mean, point[name].low, point[name].high]);
    const wide = range(values("prompt"), 1);
    const high = range(values("fidelity"), 0, 1);
    const x = (/** @type {number} */ value) => EDGE.left + ((value - wide[0]) / (wide[1] - wide[0])) * (WIDE - EDGE.left - EDGE.right);
    const y = (/** @type {number} */ value) => HIGH - EDGE.bottom - ((value - high[0]) / (high[1] - high[0])) * (HIGH - EDGE.top - EDGE.bottom);
    const drawing = part("svg", {
        viewBox: `0 0 ${WIDE} ${HIGH}`, class: "fidelity", role: "img",
        "aria-label": "Identity over prompt following, a point for each column. The table below says the same.",
    });
    drawing.append(...grid(wide, high, x, y));
    for (const line of lines(points)) {
        drawing.append(part("polyline", { class: "path", points: line.map((one) => `${x(across(one))},${y(Number(one.fidelity.mean))}`).join(" ") }));
    }
    drawing.append(part("circle", { class: "base", cx: x(1), cy: y(0), r: 4 }), part("text", { x: x(1) + 8, y: y(0) + 14 }, "base"));
    for (const { point, number } of drawn) drawing.append(spot(point, number, x, y));
    return drawing;
}

/**
 * @param {[number, number]} wide
 * @param {[number, number]} high
 * @param {(value: number) => number} x
 * @param {(value: number) => number} y
 */
function grid(wide, high, x, y) {
    const found = [];
    const share = (/** @type {number} */ value) => `${Math.round(100 * value)} %`;
    for (let tick = 0; tick <= TICKS; tick += 1) {
        const [one, other] = [wide, high].map(([low, top]) => low + ((top - low) * tick) / TICKS);
        found.push(
            part("line", { class: "axis", x1: x(one), x2: x(one), y1: y(high[0]), y2: y(high[1]) }),
            part("line", { class: "axis", x1: x(wide[0]), x2: x(wide[1]), y1: y(other), y2: y(other) }),
            part("text", { x: x(one), y: HIGH - EDGE.bottom + 16, "text-anchor": "middle" }, share(one)),
            part("text", { x: EDGE.left - 6, y: y(other) + 4, "text-anchor": "end" }, share(other)),
        );
    }
    found.push(
        part("text", { x: 4, y: 16 }, "↑ identity: base 0 %, real pictures 100 %"),
        part("text", { x: WIDE - EDGE.right, y: HIGH - 8, "text-anchor": "end" }, "prompts followed: base 100 % →"),
    );
    return found;
}

/**
 * @param {Point} point
 * @param {number} number
 * @param {(value: number) => number} x
 * @param {(value: number) => number} y
 */
function spot(point, number, x, y) {
    const [cx, cy] = [x(across(point)), y(Number(point.fidelity.mean))];
    const own = part("g", { class: `spot${point.flags.length ? " out" : ""}${point.chosen ? " chosen" : ""}` });
    const { fidelity, prompt } = point;
    if (fidelity.low !== null && fidelity.high !== null) own.append(part("line", { x1: cx, x2: cx, y1: y(fidelity.low), y2: y(fidelity.high) }));
    if (prompt.low !== null && prompt.high !== null) own.append(part("line", { x1: x(prompt.low), x2: x(prompt.high), y1: cy, y2: cy }));
    own.append(part("circle", { cx, cy, r: 5 }));
    if (point.chosen) own.append(part("circle", { class: "ring", cx, cy, r: 10 }));
    own.append(part("text", { x: cx + 9, y: cy - 7 }, String(number)), part("title", {}, point.label));
    return own;
}
