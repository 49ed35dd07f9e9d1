/** Curves put together from what is told, and where they lie. Run by tests/pure/test_web.py. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Curves, MOST } from "../../web/parts/runs/curves.js";
import { marks, nearest, path, rangeOf, share, ticks } from "../../web/parts/runs/scale.js";
import { clock, number, pace, size, when } from "../../web/parts/runs/words.js";

const all = (to, steps) => ({ from: "", to, series: { loss: [[...steps], steps.map((one) => 1 / one)] } });
const more = (from, to, steps) => ({ ...all(to, steps), from });

test("what joins is added, what is older is let be, and a gap is told", () => {
    const curves = new Curves();
    assert.equal(curves.take(more("0:0", "0:2", [1, 2])), false, "nothing is known yet");
    assert.equal(curves.take(all("0:2", [1, 2])), true);
    assert.equal(curves.take(more("0:2", "0:4", [3, 4])), true);
    assert.deepEqual(curves.series.loss[0], [1, 2, 3, 4]);
    assert.equal(curves.take(more("0:1", "0:3", [2, 3])), true, "heard before");
    assert.deepEqual(curves.series.loss[0], [1, 2, 3, 4]);
    assert.equal(curves.take(more("0:6", "0:8", [7, 8])), false, "5 and 6 were missed");
    assert.equal(curves.take(more("1:0", "1:1", [1])), false, "another log");
    assert.equal(curves.take(all("1:3", [1, 2, 3])), true);
    assert.equal(curves.cursor, "1:3");
    assert.equal(curves.last("loss"), 1 / 3);
    assert.equal(curves.last("held_out"), null);
});

test("a new kind of number may come late, and many points are told", () => {
    const curves = new Curves();
    curves.take(all("0:1", [1]));
    curves.take({ from: "0:1", to: "0:2", series: { held_out: [[1], [0.5]] } });
    assert.deepEqual(curves.series.held_out, [[1], [0.5]]);
    assert.equal(curves.full, false);
    for (const step of [5, 5, 3, 9]) curves.note(step, { speed: step, memory: 0 });
    assert.deepEqual([curves.series.speed, curves.series.memory], [[[5, 9], [5, 9]], [[], []]]);
    curves.take(more("0:2", "0:9", Array.from({ length: MOST }, (_, place) => place + 2)));
    assert.equal(curves.full, true);
});

for (const [least, most, wanted] of [
    [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [0.1, 0.35, [0.1, 0.15, 0.2, 0.25, 0.3, 0.35]],
    [-3, 7, [-2, 0, 2, 4, 6]],
    [0, 100_000, [0, 20_000, 40_000, 60_000, 80_000, 100_000]],
    [5, 5, [5]],
]) test(`round numbers from ${least} to ${most}`, () => assert.deepEqual(ticks(least, most, 5), wanted));

test("a logarithmic scale has powers of ten, or its ends", () => {
    assert.deepEqual(marks({ least: 0.002, most: 30, log: true }, 4), [0.01, 0.1, 1, 10]);
    assert.deepEqual(marks({ least: 0, most: 0.45, log: false }, 2), [0, 0.2, 0.4]); // 0 alone tells nothing
    assert.deepEqual(marks({ least: 0.21, most: 0.52, log: true }, 4), [0.21, 0.52]);
});

test("a peak at the start does not flatten the rest", () => {
    const values = [900, ...Array.from({ length: 300 }, (_, place) => 1 + (place % 10) / 100)];
    assert.ok(rangeOf([values]).most < 2);
    assert.ok(rangeOf([[0.5, 1]]).least === 0 || rangeOf([[0.5, 1]]).least < 0.5);
    assert.deepEqual(rangeOf([[0, -1, 2, 8]], true), { least: 2, most: 8, log: true });
    assert.equal(rangeOf([[]]).most, 1);
});

test("places on a scale stay on it", () => {
    const range = { least: 1, most: 100, log: true };
    assert.deepEqual([0.1, 1, 10, 100, 1e9].map((one) => share(one, range)), [0, 0, 0.5, 1, 1]);
});

test("a path leaves out what is no number", () => {
    const line = /** @type {[number[], number[]]} */ ([[0, 1, 2, 3], [1, NaN, 3, 4]]);
    assert.equal(path(line, (one) => one, (one) => one), "M0.0 1.0M2.0 3.0L3.0 4.0");
});

for (const [step, wanted] of [[-5, 0], [1, 0], [6, 1], [8, 2], [99, 3]])
    test(`the point nearest to ${step}`, () => assert.equal(nearest([1, 5, 9, 20], step), wanted));
test("no point is nearest to anything", () => assert.equal(nearest([], 3), -1));

test("numbers and times read well", () => {
    assert.deepEqual([0.123456, 1234.5, 1e-5, 0, null, NaN, 16].map(number), ["0.123", "1235", "1.0e-5", "0", "–", "–", "16"]);
    assert.deepEqual([0, 65, 3725, null].map(clock), ["0:00", "1:05", "1:02:05", "–"]);
    assert.deepEqual([3 * 2 ** 30, 5 * 2 ** 20, 0].map(size), ["3.0 GiB", "5 MiB", "–"]);
    assert.deepEqual([4, 0.25, 0].map(pace), ["4 steps/s", "4 s/step", "–"]);
    assert.deepEqual([1000, 700, 1000 - 7200, 0].map((one) => when(one, 1000 + (one ? 0 : 1e6))), ["now", "5 min ago", "2 h ago", "1970-01-01"]);
});
