/** The search of the runs page. Run by tests/pure/test_web.py. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { called, compile, differing, QueryError } from "../../web/parts/runs/query.js";

const DEFAULTS = { rank: 16, learning_rate: 1e-4, steps: 400, optimizer: "adamw", flip: false, batch_size: 1, held_out: null };
const row = (name, config = {}, more = {}) => ({
    name, title: name, tags: [], archived: false, state: "finished", error: "", step: 10, steps: 400, begun: 0,
    seconds: 5, loss: 0.1, held_out: null, config, continues: "", graph: true, node: "", ...more,
});
const ROWS = [
    row("hats"),
    row("hats-2", { rank: 4, learning_rate: 1e-3, optimizer: "prodigy" }, { tags: ["Good"], held_out: 0.2 }),
    row("cats", { flip: true, batch_size: 4 }, { title: "Cats, the red ones", state: "failed", loss: null }),
];
const found = (text) => ROWS.filter(compile(text, DEFAULTS)).map(({ name }) => name);

for (const [text, wanted] of [
    ["", ["hats", "hats-2", "cats"]],
    ["hats", ["hats", "hats-2"]],
    ["rank=16", ["hats", "cats"]],
    ["rank!=16", ["hats-2"]],
    ["lr<1e-3", ["hats", "cats"]],
    ["learning_rate>=0.001", ["hats-2"]],
    ["LR=1e-3", ["hats-2"]],
    ["rank=16 lr<1e-3 red", ["cats"]],
    ['"the red"', ["cats"]],
    ["prodigy", ["hats-2"]],
    ["optimizer:prod", ["hats-2"]],
    ["optimizer=prod", []],
    ["flip=on", ["cats"]],
    ["flip=false", ["hats", "hats-2"]],
    ["batch>2", ["cats"]],
    ["tag:good", ["hats-2"]],
    ["-tag:good", ["hats", "cats"]],
    ["state=failed", ["cats"]],
    ["-state:fail", ["hats", "hats-2"]],
    ["loss<0.5", ["hats", "hats-2"]],
    ["held_out<0.5", ["hats-2"]],
    ["-", ["hats-2"]],
]) test(`finds “${text}”`, () => assert.deepEqual(found(text), wanted));

for (const text of ["rank=", "lr<much", "nonsense=3", "tag:"])
    test(`says what is wrong with “${text}”`, () => assert.throws(() => found(text), QueryError));

test("settings in which runs differ, with defaults filled in", () => {
    assert.deepEqual(differing(ROWS.slice(0, 2), DEFAULTS), [
        ["learning_rate", [1e-4, 1e-3]], ["optimizer", ["adamw", "prodigy"]], ["rank", [16, 4]],
    ]);
    assert.deepEqual(differing([ROWS[0], row("same", { rank: 16 })], DEFAULTS), []);
});

for (const [run, wanted, is] of [
    ["hats", "hats", true], ["hats-2", "hats", true], ["hats-two", "hats", false], ["hatstand", "hats", false],
    ["cats", "hats", false], ["hats", "", false],
]) test(`${run} is ${is ? "" : "not "}a run called “${wanted}”`, () => assert.equal(called(run, wanted), is));
