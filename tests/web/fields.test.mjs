/** What is typed into a row's fields. Run by tests/pure/test_web.py. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fields from "../../web/parts/stack/fields.js";

for (const [text, value] of [
    ["1", 1],
    [" -0.5 ", -0.5],
    ["0,75", 0.75],
    ["1e-2", 0.01],
    ["100", 100],
]) {
    test(`strength “${text}” is ${value}`, () => {
        assert.deepEqual(fields.readStrength(text), { value, problem: null });
    });
}

for (const text of ["", "  ", "one", "1.2.3", "101", "-Infinity", "NaN"]) {
    test(`strength “${text}” is refused`, () => {
        assert.equal(fields.readStrength(text).value, null);
        assert.ok(fields.readStrength(text).problem);
    });
}

test("a strength is written so that it is read back", () => {
    for (const value of [0, 1, -1, 0.5, 0.125, 0.1 + 0.2, 1e-7, 100])
        assert.equal(fields.readStrength(fields.writeStrength(value)).value, value);
    assert.equal(fields.writeStrength(1), "1.00");
    assert.equal(fields.writeStrength(0.125), "0.125");
});

test("steps leave no dust and stay within the limits", () => {
    assert.equal(fields.stepped(0.1, 2, 0.1), 0.3);
    assert.equal(fields.stepped(0.05, -1, 0.05), 0);
    assert.ok(Object.is(fields.stepped(-0.05, 1, 0.05), 0));
    assert.equal(fields.stepped(99.99, 5, 0.05), 100);
});

test("blocks are written so that they are read back", () => {
    const blocks = { "double_blocks.*": 0.5, "single_blocks.3": 0, "a: b": -1 };
    assert.deepEqual(fields.readBlocks(fields.writeBlocks(blocks)), {
        value: blocks,
        problem: null,
    });
    assert.equal(fields.readBlocks(" \n ").value, undefined);
    assert.equal(fields.writeBlocks(undefined), "");
    assert.deepEqual(fields.readBlocks("x=1; y 2").value, { x: 1, y: 2 });
});

for (const [text, says] of [
    ["double_blocks.0", "not of the form"],
    [": 1", "not of the form"],
    ["a: much", "“a”: “much” is no number"],
    ["a: 1\na: 2", "twice"],
    [`${"x".repeat(301)}: 1`, "300 characters"],
]) {
    test(`blocks “${text.slice(0, 20)}” are refused`, () => {
        const { value, problem } = fields.readBlocks(text);
        assert.equal(value, null);
        assert.match(problem, new RegExp(says));
    });
}

test("a schedule is written so that it is read back", () => {
    const schedule = [
        [0, 1],
        [0.25, 0.5],
        [0.5, 0],
    ];
    assert.deepEqual(fields.readSchedule(fields.writeSchedule(schedule)).value, schedule);
    assert.deepEqual(fields.readSchedule("0%: 1; 50%: 0").value, [
        [0, 1],
        [0.5, 0],
    ]);
    assert.equal(fields.readSchedule(" , ").value, undefined);
});

for (const [text, says] of [
    ["0.5", "not of the form"],
    ["0:1:2", "not of the form"],
    ["x: 1", "no share"],
    [": 1", "no share"],
    ["1: 1", "no share"],
    ["-0.1: 1", "no share"],
    ["0.5: 1", "first keyframe is at 0"],
    ["0: 1, 0.5: 1, 0.5: 0", "does not come after"],
    ["0: much", "no number"],
]) {
    test(`schedule “${text}” is refused`, () => {
        const { value, problem } = fields.readSchedule(text);
        assert.equal(value, null);
        assert.match(problem, new RegExp(says));
    });
}
