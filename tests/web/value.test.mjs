/** The stack's value: read, changed and written. Run by tests/pure/test_web.py. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as value from "../../web/parts/stack/value.js";

const WHOLE = {
    on: false,
    lora: "sub/name.safetensors",
    model: 0.5,
    text: 1,
    blocks: { "double_blocks.0": 0.5 },
    schedule: [
        [0, 1],
        [0.5, 0],
    ],
};
const rows = [value.newRow("a"), WHOLE, value.newRow("c")];
const names = (list) => list.map((row) => row.lora).join("");

test("what is written is read back, and nothing is lost", () => {
    const kept = [{ ...WHOLE, note: "of a later version" }];
    assert.deepEqual(value.parse(value.serialise(kept)), { rows: kept, problem: null });
});

test("nothing, and the empty list, are no rows", () => {
    for (const text of ["", "  \n", value.EMPTY]) assert.deepEqual(value.parse(text).rows, []);
});

test("what a row does not say is at its default", () => {
    const { rows } = value.parse('{"rows": [{"lora": "a", "text": null}]}');
    assert.deepEqual(rows, [value.newRow("a")]);
});

for (const [text, says] of [
    ["{", "no JSON"],
    ["[]", "of another form"],
    ["null", "of another form"],
    ['{"rows": {}}', "of another form"],
    ['{"version": 2, "rows": []}', "newer"],
    ['{"rows": [{}, 7]}', "Row 2"],
    ['{"rows": [{"on": 1}]}', "Row 1"],
    ['{"rows": [{"model": "1"}]}', "Row 1"],
    ['{"rows": [{"text": "1"}]}', "Row 1"],
    ['{"rows": [{"blocks": [1]}]}', "Row 1"],
    ['{"rows": [{"blocks": {"a": "1"}}]}', "Row 1"],
    ['{"rows": [{"schedule": [[0]]}]}', "Row 1"],
]) {
    test(`${text} is refused with its reason`, () => {
        const { rows, problem } = value.parse(text);
        assert.equal(rows, null);
        assert.match(problem, new RegExp(says));
    });
}

test("lists are changed in copies", () => {
    const before = structuredClone(rows);
    assert.equal(names(value.inserted(rows, 1, value.newRow("x"))), "axsub/name.safetensorsc");
    assert.equal(names(value.removed(rows, 1)), "ac");
    assert.equal(names(value.replaced(rows, 1, value.newRow("x"))), "axc");
    assert.deepEqual(rows, before);
});

for (const [from, to, order] of [
    [0, 2, "bca"],
    [2, 0, "cab"],
    [1, 1, "abc"],
    [0, -1, "abc"],
    [0, 9, "bca"],
    [5, 0, "abc"],
]) {
    test(`moved from ${from} to ${to}: ${order}`, () => {
        assert.equal(value.moved(["a", "b", "c"], from, to).join(""), order);
    });
}

test("a field set to undefined goes, others stay", () => {
    assert.deepEqual(value.patched(WHOLE, { text: undefined, on: true }), {
        on: true,
        lora: WHOLE.lora,
        model: 0.5,
        blocks: WHOLE.blocks,
        schedule: WHOLE.schedule,
    });
});

test("all on, and all off where all were on", () => {
    const on = value.toggledAll(rows);
    assert.deepEqual(
        on.map((row) => row.on),
        [true, true, true],
    );
    assert.deepEqual(
        value.toggledAll(on).map((row) => row.on),
        [false, false, false],
    );
    assert.deepEqual(value.toggledAll([]), []);
});
