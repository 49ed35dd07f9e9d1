// @ts-check
/** The page's keys and the filter's words. */

import { make, openDialog, table } from "../dom.js";
import { KEYS } from "./keys.js";

const WORDS = [
    ["red hat", "both words, each anywhere in the caption"],
    ['"red hat"', "these words together; * and ? stand for themselves"],
    ["tag:red_hat", "a tag, whole; underscore and space are one, and so are great and small letters"],
    ["tag:*hat · tag:s?ile", "* is anything, ? any one character"],
    ["caption:", "the caption has this somewhere"],
    ["name:", "the file's path has this"],
    ["tokens:>75 · tokens:10..20", "by CLIP's count; also tags:, width:, height: with > >= < <= or a number"],
    ["flag:blur · flag:*", "what Curate found: soft (blur), noise, compression, border, too small, duplicate …"],
    ["cluster:3 · alike:2", "the third cluster that Curate made · the second group of near duplicates"],
    ["is:aside", "also is:kept, is:selected, is:empty, is:masked, is:broken, is:unsaved"],
    ["a b · a AND b · a OR b", "a space is AND, which comes before OR"],
    ["NOT a · -a", "without it"],
    ["(a OR b) c", "parentheses as usual"],
];

/** @param {HTMLElement} page */
export function openHelp(page) {
    openDialog(
        page, "Keys and the filter", "large help",
        make("div", { class: "both" }, table("Keys, in the grid", KEYS), table("The filter", WORDS)),
    );
}
