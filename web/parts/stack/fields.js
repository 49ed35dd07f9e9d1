// @ts-check
/**
 * What people type into a row's fields, read and written. The limits are the engine's.
 */

const MOST = 100;
const MOST_BLOCKS = 1000;
const MOST_PATTERN = 300;
const MOST_KEYFRAMES = 200;

/**
 * @template T
 * @typedef {{value: T, problem: null} | {value: null, problem: string}} Read
 */

/**
 * @param {string} text
 * @returns {Read<number>}
 */
export function readStrength(text) {
    const written = text.trim().replace(",", ".");
    const value = Number(written);
    if (!written || Number.isNaN(value)) return no(`“${text.trim()}” is no number.`);
    if (Math.abs(value) > MOST) return no(`A strength lies between −${MOST} and ${MOST}.`);
    return { value, problem: null };
}

/**
 * With two decimals, or with as many as the number needs.
 * @param {number} value
 * @returns {string}
 */
export function writeStrength(value) {
    const short = value.toFixed(2);
    return Number(short) === value ? short : String(value);
}

/**
 * `value` and `steps` steps of `step`, without the dust of binary fractions.
 * @param {number} value
 * @param {number} steps
 * @param {number} step
 * @returns {number}
 */
export function stepped(value, steps, step) {
    const sum = Math.round((value + steps * step) * 1e4) / 1e4;
    return Math.max(-MOST, Math.min(MOST, sum)) || 0; // no −0
}

/**
 * Lines of `pattern: factor`, or undefined where there is none.
 * @param {string} text
 * @returns {Read<Record<string, number> | undefined>}
 */
export function readBlocks(text) {
    /** @type {Record<string, number>} */
    const blocks = {};
    const lines = text.split(/[\n;]/).map((line) => line.trim());
    for (const line of lines.filter(Boolean)) {
        const parts = /^(.*?)\s*[:=\s]\s*(\S+)$/.exec(line);
        if (!parts?.[1]) return no(`“${line}” is not of the form “double_blocks.0: 0.5”.`);
        const [, pattern, written] = parts;
        if (pattern.length > MOST_PATTERN)
            return no(`A pattern has ${MOST_PATTERN} characters at most.`);
        if (pattern in blocks) return no(`“${pattern}” is there twice.`);
        const read = readStrength(written);
        if (read.problem !== null) return no(`“${pattern}”: ${read.problem}`);
        blocks[pattern] = read.value;
    }
    const count = Object.keys(blocks).length;
    if (count > MOST_BLOCKS) return no(`${count} blocks are more than ${MOST_BLOCKS}.`);
    return { value: count ? blocks : undefined, problem: null };
}

/**
 * @param {Record<string, number> | undefined} blocks
 * @returns {string}
 */
export function writeBlocks(blocks) {
    return Object.entries(blocks ?? {})
        .map(([pattern, factor]) => `${pattern}: ${factor}`)
        .join("\n");
}

/**
 * `0: 1, 0.5: 0` as [[0, 1], [0.5, 0]], or undefined where nothing is written.
 * @param {string} text
 * @returns {Read<[number, number][] | undefined>}
 */
export function readSchedule(text) {
    /** @type {[number, number][]} */
    const keyframes = [];
    for (const part of text.split(/[,;\n]/).map((one) => one.trim())) {
        if (!part) continue;
        const [start, factor, ...more] = part.split(":").map((one) => one.trim());
        if (factor === undefined || more.length)
            return no(`“${part}” is not of the form “0.5: 0”: share of the steps, then factor.`);
        const share = start.endsWith("%") ? Number(start.slice(0, -1)) / 100 : Number(start);
        if (!start || !(share >= 0 && share < 1))
            return no(`“${start}” is no share of the steps: write 0 to 0.99, or 0% to 99%.`);
        const read = readStrength(factor);
        if (read.problem !== null) return no(read.problem);
        keyframes.push([share, read.value]);
    }
    return inOrder(keyframes);
}

/**
 * @param {[number, number][]} keyframes
 * @returns {Read<[number, number][] | undefined>}
 */
function inOrder(keyframes) {
    if (!keyframes.length) return { value: undefined, problem: null };
    if (keyframes.length > MOST_KEYFRAMES)
        return no(`${keyframes.length} keyframes are more than ${MOST_KEYFRAMES}.`);
    if (keyframes[0][0] !== 0) return no("The first keyframe is at 0: begin with “0: 1”.");
    const late = keyframes.find(([share], place) => place && share <= keyframes[place - 1][0]);
    if (late) return no(`${late[0]} does not come after the keyframe before it.`);
    return { value: keyframes, problem: null };
}

/**
 * @param {[number, number][] | undefined} schedule
 * @returns {string}
 */
export function writeSchedule(schedule) {
    return (schedule ?? []).map(([share, factor]) => `${share}: ${factor}`).join(", ");
}

/**
 * @param {string} problem
 * @returns {{value: null, problem: string}}
 */
function no(problem) {
    return { value: null, problem };
}
