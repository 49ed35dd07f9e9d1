// @ts-check
/** Captions as text and as lists of tags, and what can be done to many of them. Pure. */

/**
 * Underscore and space are one, and so are great and small letters.
 * @param {string} text
 */
export function fold(text) {
    return text.toLowerCase().replace(/[\s_]+/g, " ").trim();
}

/** @type {Map<string, string>} the same few tags are folded again and again */
const folded = new Map();
const MOST_FOLDED = 50_000;

/**
 * `fold`, remembered.
 * @param {string} tag
 */
export function foldTag(tag) {
    let known = folded.get(tag);
    if (known === undefined) {
        if (folded.size >= MOST_FOLDED) folded.clear();
        known = fold(tag);
        folded.set(tag, known);
    }
    return known;
}

/**
 * @param {string} caption
 * @returns {string[]} as they are written, in order
 */
export function tagsOf(caption) {
    return caption.split(/[,\n]/).map((tag) => tag.trim()).filter(Boolean);
}

/**
 * How many captions have each tag, the most frequent first.
 * @param {Iterable<{ tags: string[], foldedTags: string[] }>} pictures
 * @returns {{ tag: string, count: number }[]} tags in their first spelling
 */
export function countTags(pictures) {
    /** @type {Map<string, { tag: string, count: number }>} */
    const found = new Map();
    for (const { tags, foldedTags } of pictures) {
        for (let place = 0; place < tags.length; place += 1) {
            const key = foldedTags[place];
            if (foldedTags.indexOf(key) < place) continue; // twice in one caption
            const known = found.get(key);
            if (known) known.count += 1;
            else found.set(key, { tag: tags[place], count: 1 });
        }
    }
    return [...found.values()].sort((a, b) => b.count - a.count || (a.tag < b.tag ? -1 : 1));
}

/**
 * @typedef {object} Edit What a person wants done to captions.
 * @property {"prefix" | "suffix" | "replace" | "add" | "remove"} kind
 * @property {string} text what is added, removed or looked for
 * @property {string} [by] what takes its place
 * @property {boolean} [regex]
 * @property {boolean} [matchCase]
 * @property {boolean} [first] whether a tag is added before the others
 */

/**
 * A function from a caption to what the edit makes of it. Throws an `Error` for a pattern that is
 * none.
 * @param {Edit} edit
 * @returns {(caption: string) => string}
 */
export function editor(edit) {
    const text = edit.text;
    if (!text) return (caption) => caption;
    if (edit.kind === "prefix") return (caption) => (caption.startsWith(text) ? caption : text + caption);
    if (edit.kind === "suffix") return (caption) => withSuffix(caption, text);
    if (edit.kind === "add") return (caption) => withTag(caption, text.trim(), edit.first ?? false);
    if (edit.kind === "remove") return (caption) => withoutTag(caption, fold(text));
    const pattern = edit.regex ? text : text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    const looked = new RegExp(pattern, edit.matchCase ? "gu" : "giu");
    const by = edit.by ?? "";
    return (caption) => (edit.regex ? caption.replace(looked, by) : caption.replace(looked, () => by));
}

/**
 * Before the line's end, if there is one.
 * @param {string} caption
 * @param {string} text
 */
function withSuffix(caption, text) {
    const body = caption.replace(/\s+$/, "");
    return body.endsWith(text.trimEnd()) ? caption : body + text + caption.slice(body.length);
}

/**
 * @param {string} caption
 * @param {string} tag
 * @param {boolean} first
 */
function withTag(caption, tag, first) {
    if (!tag || tagsOf(caption).some((one) => fold(one) === fold(tag))) return caption;
    const body = caption.trim();
    if (!body) return tag;
    return first ? `${tag}, ${caption}` : withSuffix(caption, `, ${tag}`);
}

/**
 * Only what stands around the tag changes.
 * @param {string} caption
 * @param {string} tag folded
 */
function withoutTag(caption, tag) {
    const lines = caption.split("\n").map((line) => {
        const parts = line.split(",");
        const kept = parts.filter((part) => fold(part) !== tag || !part.trim());
        if (kept.length === parts.length) return line;
        if (fold(parts[0]) === tag && kept.length) kept[0] = kept[0].trimStart();
        return kept.join(",");
    });
    return lines.join("\n");
}

/**
 * Where two texts differ: what they begin and end with alike, and what lies between.
 * @param {string} before
 * @param {string} after
 */
export function difference(before, after) {
    const most = Math.min(before.length, after.length);
    let start = 0;
    while (start < most && before[start] === after[start]) start += 1;
    let end = 0;
    while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
    return {
        start: before.slice(0, start),
        removed: before.slice(start, before.length - end),
        added: after.slice(start, after.length - end),
        end: before.slice(before.length - end),
    };
}
