/** Names of files: search, and the nearest to a missing one. Run by tests/pure/test_web.py. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as names from "../../web/parts/stack/names.js";

const FILES = ["styles/ink-wash.safetensors", "styles/inkwell.pt", "hats/red hat v2.safetensors"];

test("a name is shown as folder and stem", () => {
    assert.deepEqual(names.parts("a/b/c.d.safetensors"), { folder: "a/b/", stem: "c.d" });
    assert.deepEqual(names.parts("c"), { folder: "", stem: "c" });
    assert.equal(names.withSlashes("a\\b"), "a/b");
});

for (const [wanted, name] of [
    [FILES[0], FILES[0]],
    ["styles\\ink-wash.safetensors", FILES[0]],
    ["ink-wash", FILES[0]],
    ["styles/inkwell", FILES[1]],
    ["red hat v2.safetensors", FILES[2]],
    ["ink", null],
    ["other/inkwell.pt", null],
]) {
    test(`“${wanted}” means ${name}`, () => assert.equal(names.meant(FILES, wanted), name));
}

test("a short name of two files means neither", () => {
    assert.equal(names.meant(["a/x.pt", "b/x.pt"], "x"), null);
});

test("every word is looked for, anywhere in the name", () => {
    assert.deepEqual(names.found(FILES, ""), FILES);
    assert.deepEqual(names.found(FILES, "STYLES wash"), [FILES[0]]);
    assert.deepEqual(names.found(FILES, "wash hat"), []);
});

test("what begins with the word comes first", () => {
    assert.deepEqual(names.found(["old/thin.pt", "hat/x.pt", "hint.pt"], "h"), [
        "hint.pt",
        "old/thin.pt",
        "hat/x.pt",
    ]);
});

test("the nearest names, whatever folder and ending", () => {
    assert.equal(names.nearest(FILES, "other/ink_wash_v2.safetensors")[0], FILES[0]);
    assert.equal(names.nearest(FILES, "red-hat.safetensors")[0], FILES[2]);
    assert.deepEqual(names.nearest(FILES, "landscape.safetensors"), []);
    assert.deepEqual(names.nearest([], "x"), []);
});
