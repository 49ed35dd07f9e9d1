// @ts-check
/** Strengths from votes, as training/evaluation/bradley_terry.py has them: a test compares. Pure. */

export const NORMAL = 1.959963984540054; // of a 95 % interval
const HELD = 0.5; // what a held candidate won, and lost, against one of average strength

/**
 * @typedef {object} Strength `score` is the logarithm of the strength, 0 on average over all.
 * @property {number} votes
 * @property {number} wins a tie is half a win
 * @property {number | null} score none where nobody voted
 * @property {number | null} low of its 95 %
 * @property {number | null} high
 */

/**
 * @param {[number, number, number][]} votes one, other, and the share of the vote that goes to one
 * @param {number} count of candidates
 * @returns {{ columns: Strength[], held: boolean }}
 */
export function preference(votes, count) {
    const table = zeros(count);
    for (const [one, other, share] of votes) {
        table[one][other] += share;
        table[other][one] += 1 - share;
    }
    const played = table.map((row, i) => row.reduce((sum, won, j) => sum + won + table[j][i], 0));
    const seen = [...played.keys()].filter((one) => played[one] > 0);
    const wins = seen.map((i) => seen.map((j) => table[i][j]));
    const held = seen.length > 0 && !connected(wins);
    const found = fit(wins, held ? HELD : 0);
    const columns = table.map((row, i) => {
        const place = seen.indexOf(i);
        const own = { votes: Math.round(played[i]), wins: row.reduce((a, b) => a + b, 0) };
        if (place < 0) return { ...own, score: null, low: null, high: null };
        const { score, error } = found[place];
        return { ...own, score, low: score - NORMAL * error, high: score + NORMAL * error };
    });
    return { columns, held };
}

/** @param {number} count */
function zeros(count) {
    return Array.from({ length: count }, () => /** @type {number[]} */ (Array(count).fill(0)));
}

/** @param {number[][]} wins @returns {boolean} whether each has beaten each, by way of others */
function connected(wins) {
    return [...wins.keys()].every((start) => {
        const reached = new Set([start]);
        for (const one of reached) wins[one].forEach((won, other) => won > 0 && reached.add(other));
        return reached.size === wins.length;
    });
}

/**
 * Hunter's MM algorithm, and Wald's errors.
 * @param {number[][]} wins
 * @param {number} held
 * @returns {{ score: number, error: number }[]}
 */
function fit(wins, held) {
    const places = [...wins.keys()];
    const played = places.map((i) => places.map((j) => wins[i][j] + wins[j][i]));
    const won = wins.map((row) => row.reduce((a, b) => a + b, held));
    let strength = places.map(() => 1);
    for (let turn = 0; turn < 100_000; turn += 1) {
        let after = places.map((i) => {
            const met = places.reduce((sum, j) => sum + played[i][j] / (strength[i] + strength[j]), 0);
            return won[i] / (met + (2 * held) / (strength[i] + 1));
        });
        if (!held) {
            const middle = Math.exp(mean(after.map(Math.log)));
            after = after.map((one) => one / middle);
        }
        const far = Math.max(...places.map((i) => Math.abs(after[i] / strength[i] - 1)));
        strength = after;
        if (far < 1e-13) break;
    }
    const scores = strength.map(Math.log);
    const errors = errorsOf(played, strength, held);
    const middle = mean(scores);
    return places.map((i) => ({ score: scores[i] - middle, error: errors[i] }));
}

/**
 * @param {number[][]} played
 * @param {number[]} strength
 * @param {number} held
 */
function errorsOf(played, strength, held) {
    const places = [...played.keys()];
    const count = places.length;
    const known = places.map((i) => places.map((j) => -(played[i][j] * strength[i] * strength[j]) / (strength[i] + strength[j]) ** 2));
    for (const i of places) {
        const alone = strength[i] / (strength[i] + 1);
        known[i][i] -= known[i].reduce((a, b) => a + b, 0);
        known[i][i] += 2 * held * alone * (1 - alone);
        if (!held) for (const j of places) known[i][j] += 1 / count;
    }
    const spread = inverse(known);
    const rows = spread.map(mean);
    const whole = mean(rows);
    return places.map((i) => Math.sqrt(Math.max(0, spread[i][i] - 2 * rows[i] + whole)));
}

/** By Gauss and Jordan; the matrix is symmetric and positive. @param {number[][]} matrix */
function inverse(matrix) {
    const count = matrix.length;
    const work = matrix.map((row, i) => [...row, ...zeros(count)[i].map((_, j) => Number(i === j))]);
    for (let i = 0; i < count; i += 1) {
        const scale = work[i][i];
        work[i] = work[i].map((one) => one / scale);
        for (let j = 0; j < count; j += 1) {
            const factor = work[j][i];
            if (j !== i && factor) work[j] = work[j].map((one, k) => one - factor * work[i][k]);
        }
    }
    return work.map((row) => row.slice(count));
}

/** @param {number[]} numbers */
function mean(numbers) {
    return numbers.reduce((a, b) => a + b, 0) / numbers.length;
}

/** The chance to be preferred to one of average strength. @param {number} score */
export function chance(score) {
    return 1 / (1 + Math.exp(-score));
}

const SHARES = { left: 1, right: 0, tie: 0.5 };

/**
 * @param {{ left: string, right: string, winner: "left" | "right" | "tie" }[]} votes
 * @param {import("./board.js").Gallery} gallery
 */
export function ofColumns(votes, gallery) {
    const columns = new Map([...gallery.cells].reverse().map((cell) => [cell.key, cell.column]));
    /** @type {[number, number, number][]} */
    const meant = [];
    for (const { left, right, winner } of votes) {
        const [one, other] = [columns.get(left), columns.get(right)];
        if (one !== undefined && other !== undefined && one !== other) meant.push([one, other, SHARES[winner]]);
    }
    return preference(meant, gallery.columns.length);
}
