/** A grid as it is shown: order, filter, places, and pairs for voters. Run by tests/pure/test_web.py. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange, AS_MADE, figure, short, spoken } from "../../web/parts/judge/board.js";
import { compile } from "../../web/parts/judge/filter.js";
import * as lay from "../../web/parts/judge/lay.js";
import * as plot from "../../web/parts/judge/plot.js";
import { Pairs } from "../../web/parts/judge/pairs.js";

const ROWS = ["a red cat\nseed 1", "a dog\nseed 2"];
const COLUMNS = ["without LoRA", "strength 0.5", "strength 1"];
const cells = ROWS.flatMap((label, row) => COLUMNS.map((_, column) => ({
    row, column, key: `${row}${column}`, prompt: label.split("\n")[0], kind: row ? "plain" : "trigger",
    seed: String(row + 1), lora: column ? "hats.safetensors" : "", checkpoint: column ? "100" : "",
    strength: column / 2, settings: {},
})));
const score = (better, values) => ({ better, cells: values, columns: {}, pairs: {} });
const said = (mean) => ({ mean, low: mean && mean - 0.5, high: mean && mean + 0.25, n: 9, too_few: mean === null });
const gallery = {
    folder: "g", name: "g", made: "", rows: ROWS, columns: COLUMNS, sampling: {}, cells, missing: ["12"],
    recommendation: { column: 1, reasons: [] },
    scores: {
        identity: score("higher", { "00": 0.1, "01": 0.5, "02": 0.9, 10: 0.3, 11: 0.8 }),
        copying: score("lower", { "00": 0.1, "01": 0.2, "02": 0.9, 10: 0.0, 11: 0.1, 12: 0.2 }),
        held_out: score("lower", {}),
        cmmd: { ...score("lower", {}), columns: { 0: said(3), 1: said(null), 2: said(1) } },
    },
};
const all = () => true;
const keys = (board) => board.cells.map((row) => row.map((cell) => cell?.key ?? null));

test("as made, rows and columns are those of the grid", () => {
    const board = arrange(gallery, all, AS_MADE, 4);
    assert.deepEqual(keys(board), [["00", "01", "02"], ["10", "11", "12"]]);
    assert.deepEqual(board.rows.map((one) => one.label), ROWS);
    assert.equal(board.shown, 6);
});

for (const [by, of, worst, rows, columns] of [
    ["identity", "both", false, [1, 0], [2, 1, 0]],
    ["identity", "both", true, [0, 1], [0, 1, 2]],
    ["copying", "both", false, [1, 0], [0, 1, 2]],
    ["copying", "rows", true, [0, 1], [0, 1, 2]],
    ["identity", "columns", false, [0, 1], [2, 1, 0]],
    ["held_out", "both", false, [0, 1], [0, 1, 2]], // no values: as made
    ["cmmd", "both", false, [0, 1], [2, 0, 1]], // of columns alone
    ["cmmd", "columns", true, [0, 1], [0, 2, 1]],
]) {
    test(`${by} of ${of}, ${worst ? "worst" : "best"} first`, () => {
        const board = arrange(gallery, all, { by, of, worst }, 4);
        assert.deepEqual(board.rows.map((one) => one.index), rows);
        assert.deepEqual(board.columns.map((one) => one.index), columns);
    });
}

test("a list is of single pictures, those without a value last", () => {
    const board = arrange(gallery, all, { by: "identity", of: "list", worst: false }, 4);
    assert.deepEqual(keys(board), [["02", "11", "01", "10"], ["00", "12", null, null]]);
    assert.deepEqual(board.rows.map((one) => one.label), ["1–4", "5–6"]);
    assert.deepEqual(keys(arrange(gallery, () => false, { by: "", of: "list", worst: false }, 4)), []);
});

test("what the filter leaves out leaves no empty row or column", () => {
    const board = arrange(gallery, (cell) => cell.key === "01" || cell.key === "10", AS_MADE, 4);
    assert.deepEqual(keys(board), [[null, "01"], ["10", null]]);
    assert.deepEqual(board.columns.map((one) => one.index), [0, 1]);
});

for (const [text, found] of [
    ["", ["00", "01", "02", "10", "11", "12"]],
    ["RED cat", ["00", "01", "02"]],
    ["-dog identity:>=0.5", ["01", "02"]],
    ["identity:0.2..0.8", ["01", "10", "11"]],
    ["copying:0.2", ["01", "12"]],
    ["copying:<.1 OR is:base", ["00", "10"]],
    ['column:"strength 1"', ["02", "12"]],
    ["strength:1 kind:plain", ["12"]],
    ["seed:2 checkpoint:100", ["11", "12"]],
    ["is:recommended", ["01", "11"]],
    ["is:missing", ["12"]],
    ["is:picked", ["02"]],
    ["held_out:>0", []],
    ["lora:hat* row:dog", ["11", "12"]],
]) {
    test(`the filter “${text}”`, () => {
        const picked = (cell) => cell.key === "02";
        assert.deepEqual(cells.filter(compile(text, gallery, picked)).map((cell) => cell.key), found);
    });
}

for (const [text, said] of [
    ["identity:high", /wants a number, as in identity:>0\.5/],
    ["is:good", /wants one of: recommended/],
    ["nothing:1", /no “nothing:”/],
    ["(a", /not closed/],
]) {
    test(`the filter “${text}” says what is wrong`, () => assert.throws(() => compile(text, gallery), said));
}

const range = (mean) => ({ mean, low: mean && mean - 0.1, high: mean && mean + 0.1 });
const point = (strength, checkpoint, up, across = 1) => ({
    column: 1, label: `${strength} ${checkpoint}`, checkpoint, strength, fidelity: range(up), prompt: range(across), flags: [], chosen: false,
});

test("lines of the plot join the checkpoints of a strength in order", () => {
    const points = [point(1, 20, 0.5), point(1, 10, 0.2), point(0.5, 10, 0.1), point(0.5, 20, null), point(2, null, 0.3)];
    assert.deepEqual(plot.lines(points).map((line) => line.map((one) => one.checkpoint)), [[10, 20]]);
    assert.deepEqual(plot.shown(points).map(({ number }) => number), [1, 2, 3, 5]);
});

test("all of the plot is in sight", () => {
    assert.deepEqual(plot.range([0.5, null, 1.5], 0, 1).map((one) => Number(one.toFixed(6))), [-0.15, 1.65]);
    assert.deepEqual(plot.range([], 1), [0.95, 1.05]);
});

test("what a score says of a column", () => {
    assert.equal(figure(said(3)), "3 (2.5 to 3.25)");
    assert.equal(figure(said(null)), "too few pictures to say");
    assert.equal(figure({ ...said(3), low: null, high: null }), "3");
    assert.equal(figure({ ...said(null), too_few: false }), "");
});

test("words for a screen reader, and short numbers", () => {
    assert.equal(spoken(gallery, cells[1]), "a red cat, seed 1. strength 0.5");
    assert.deepEqual([0.12345, 1234.5, 2].map(short), ["0.123", "1235", "2"]);
});

test("what is in sight", () => {
    assert.deepEqual(lay.inSight(1000, 50, 0, 500), [0, 11]);
    assert.deepEqual(lay.inSight(1000, 50, 25_000, 500), [499, 511]);
    assert.deepEqual(lay.inSight(3, 50, 1e6, 500), [3, 3]);
    assert.deepEqual(lay.inSight(0, 50, 0, 0), [0, 0]);
});

test("what is under the pointer stays there while it is zoomed", () => {
    const [from, at, label, factor] = [300, 220, 100, 1.5];
    const place = from + at - label; // pixels of the plane
    assert.equal(lay.stay(from, at, label, factor) + at - label, place * factor);
    assert.equal(lay.stay(0, 50, 100, 2), 0);
});

test("a line is scrolled to as little as may be", () => {
    assert.equal(lay.reveal(0, 50, 120, 200), 0);
    assert.equal(lay.reveal(4, 50, 0, 200), 50);
    assert.equal(lay.reveal(2, 50, 50, 200), 50);
    assert.equal(lay.reveal(3, 500, 0, 200), 1500);
});

test("all fit, in bounds", () => {
    assert.equal(lay.fitted(10, 5, 2, 1000, 400), 80);
    assert.equal(lay.fitted(1000, 1000, 1, 500, 500), lay.LEAST);
    assert.equal(lay.fitted(0, 0, 1, 1e6, 1e6), lay.MOST);
});

/** A small generator, so that the test is the same each time. */
function dice(seed) {
    return () => {
        seed = (seed * 1103515245 + 12345) % 2 ** 31;
        return seed / 2 ** 31;
    };
}

test("pairs are of one row, each once, and all columns alike often", () => {
    const pairs = new Pairs(cells, dice(7));
    const seen = new Set();
    const drawn = [0, 0, 0];
    for (let pair = pairs.next(); pair; pair = pairs.next()) {
        assert.equal(pair[0].row, pair[1].row);
        assert.notEqual(pair[0].column, pair[1].column);
        seen.add(pair.map((cell) => cell.key).sort().join());
        for (const cell of pair) drawn[cell.column] += 1;
        assert.ok(Math.max(...drawn) - Math.min(...drawn) <= 2, drawn.join());
    }
    assert.equal(seen.size, 6);
});

test("sides are shuffled", () => {
    const random = dice(3);
    let left = 0;
    for (let turn = 0; turn < 400; turn += 1) {
        const [one, other] = new Pairs(cells.slice(0, 2), random).next();
        left += Number(one.column < other.column);
    }
    assert.ok(left > 150 && left < 250, String(left));
});

test("a picture that stands in two columns is not compared with itself", () => {
    const same = [cells[0], { ...cells[1], key: cells[0].key }];
    assert.equal(new Pairs(same, dice(1)).next(), null);
    assert.equal(new Pairs([], dice(1)).next(), null);
});
