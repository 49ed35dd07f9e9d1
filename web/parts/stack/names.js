// @ts-check
/** Names of files: found by what is typed, and the nearest to one that is missing. */

const ENOUGH_ALIKE = 0.35;

/**
 * @param {string} name as a server writes it, on Windows with `\`
 * @returns {string}
 */
export function withSlashes(name) {
    return name.replaceAll("\\", "/");
}

/**
 * What a row shows of a name.
 * @param {string} name
 * @returns {{folder: string, stem: string}} the folder with its last `/`, the file without ending
 */
export function parts(name) {
    const cut = name.lastIndexOf("/") + 1;
    const file = name.slice(cut);
    const stem = file.replace(/\.(safetensors|pt|pth|ckpt|bin)$/i, "");
    return { folder: name.slice(0, cut), stem };
}

/**
 * The file that a row's name means, as training/stack/names.py finds it: with either slash, and
 * without folder or ending where that is the name of one file only. Null for one that is missing.
 * @param {readonly string[]} names
 * @param {string} wanted
 * @returns {string | null}
 */
export function meant(names, wanted) {
    const path = withSlashes(wanted.trim());
    if (names.includes(path)) return path;
    const same = names.filter((name) => short(name).includes(path));
    return same.length === 1 ? same[0] : null;
}

/**
 * `name` without its ending, without its folders, and without both.
 * @param {string} name
 */
function short(name) {
    const last = name.slice(name.lastIndexOf("/") + 1);
    return [withoutEnding(name), last, withoutEnding(last)];
}

/** @param {string} name */
function withoutEnding(name) {
    return name.replace(/\.[^.]*$/, "");
}

/**
 * The names with every word of `query`: those whose file begins with it first.
 * @param {readonly string[]} names
 * @param {string} query
 * @returns {string[]}
 */
export function found(names, query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const has = names.filter((name) => words.every((word) => name.toLowerCase().includes(word)));
    const first = words[0] ?? "";
    const rank = (/** @type {string} */ name) =>
        parts(name).stem.toLowerCase().startsWith(first) ? 0 : 1;
    return has.sort((one, other) => rank(one) - rank(other));
}

/**
 * At most `count` names that look like `wanted`, the nearest first.
 * @param {readonly string[]} names
 * @param {string} wanted
 * @param {number} [count]
 * @returns {string[]}
 */
export function nearest(names, wanted, count = 3) {
    const pairs = pairsOf(wanted);
    return names
        .map((name) => ({ name, alike: alike(pairs, pairsOf(name)) }))
        .filter(({ alike }) => alike >= ENOUGH_ALIKE)
        .sort((one, other) => other.alike - one.alike)
        .slice(0, count)
        .map(({ name }) => name);
}

/**
 * The pairs of letters of a file's name: its folder and ending say little.
 * @param {string} name
 */
function pairsOf(name) {
    const letters = parts(name).stem.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ");
    const padded = ` ${letters.trim()} `;
    return new Set(Array.from({ length: padded.length - 1 }, (_, at) => padded.slice(at, at + 2)));
}

/**
 * Dice's coefficient of two sets of pairs of letters, 0 to 1.
 * @param {Set<string>} one
 * @param {Set<string>} other
 */
function alike(one, other) {
    const both = [...one].filter((pair) => other.has(pair)).length;
    return (2 * both) / (one.size + other.size || 1);
}
