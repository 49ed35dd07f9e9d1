import assert from "node:assert/strict";
import { test } from "node:test";
import { aims, amount, counted, differing, duration, frontWords, scored, shown, sorted } from "../../web/parts/sweep/told.js";

const rows = [
    { point: 1, name: "", state: "done", values: { rank: 8, rate: 0.1 }, scores: { loss: { value: 0.2 } }, seconds: 5 },
    { point: 2, name: "", state: "done", values: { rank: 16, rate: 0.1 }, scores: { loss: { value: 0.1 } }, seconds: 9 },
    { point: 3, name: "", state: "waiting", values: { rank: 4, rate: 0.1 } },
];
const order = (...how) => sorted(rows, ...how).map((row) => row.point);

test("rows by an axis, as numbers and not as text", () => {
    assert.deepEqual(order("rank", false), [3, 1, 2]);
    assert.deepEqual(order("rank", true), [2, 1, 3]);
});

test("rows without a score come last, either way", () => {
    assert.deepEqual(order("loss", false), [2, 1, 3]);
    assert.deepEqual(order("loss", true), [1, 2, 3]);
});

test("what is alike keeps the order of the points", () => {
    assert.deepEqual(order("rate", true), [1, 2, 3]);
    assert.deepEqual(order("state", false), [1, 2, 3]);
});

test("only axes that differ are columns", () => {
    assert.deepEqual(differing(rows, ["rank", "rate"]), ["rank"]);
});

test("numbers as a person reads them", () => {
    assert.equal(counted(rows), "2 done, 1 waiting");
    assert.deepEqual([40, 600, 12000, null].map(duration), ["40 s", "10 min", "3 h 20 min", ""]);
    assert.deepEqual([12, 3.2e6, 4.25e9].map(amount), ["12 bytes", "3 MB", "4.3 GB"]);
    assert.equal(shown(0.000316228), "0.0003162");
    assert.equal(scored({ value: 0.5, low: 0.4, high: 0.61 }), "0.5 (0.4 to 0.61)");
    assert.equal(scored(undefined), "");
});

test("a front is of scores and of what points cost", () => {
    const table = { rows, scores: ["loss"] };
    assert.deepEqual(aims(table), [{ name: "loss", label: "loss" }, { name: "seconds", label: "time" }]);
    assert.deepEqual(aims({ rows: rows.slice(2), scores: [] }), []);
    assert.equal(frontWords([], table), "");
    assert.match(frontWords(["loss"], table), /one more/);
    assert.equal(frontWords(["loss", "seconds"], { rows, pareto: [] }), "No point has all of these yet.");
    assert.equal(
        frontWords(["loss", "seconds"], { rows, pareto: [1, 2] }), "2 of 3 points are on the front: 1, 2.",
    );
});
