// @ts-check
/** Which two pictures a voter sees next. Pure. */

/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./board.js").Cell} Cell */

/** @param {Cell} one @param {Cell} other */
function both(one, other) {
    return one.key < other.key ? `${one.key} ${other.key}` : `${other.key} ${one.key}`;
}

/** Draws pairs of one row and two columns, of columns that were seen least; none twice. */
export class Pairs {
    /**
     * @param {Cell[]} cells
     * @param {() => number} [random]
     */
    constructor(cells, random = Math.random) {
        this._random = random;
        /** @type {Set<string>} */
        this._seen = new Set();
        /** @type {Map<number, number>} how often each column was drawn */
        this._drawn = new Map(cells.map((cell) => [cell.column, 0]));
        /** @type {Map<number, Cell[]>} a picture that stands in several columns counts in the first */
        this._rows = new Map();
        const known = new Set();
        for (const cell of cells) {
            if (known.has(cell.key)) continue;
            known.add(cell.key);
            const own = this._rows.get(cell.row);
            if (own) own.push(cell);
            else this._rows.set(cell.row, [cell]);
        }
    }

    /** @param {Cell} one @param {Cell} other seen by this voter before */
    skip(one, other) {
        this._seen.add(both(one, other));
    }

    /** @returns {[Cell, Cell] | null} left and right; none when all were seen */
    next() {
        for (const column of this._leastFirst([...this._drawn.keys()])) {
            for (const row of this._shuffled([...this._rows.values()])) {
                const one = row.find((cell) => cell.column === column);
                const others = one ? row.filter((cell) => cell.column !== column && !this._seen.has(both(one, cell))) : [];
                if (!one || !others.length) continue;
                const [first] = this._leastFirst(others.map((cell) => cell.column));
                const other = /** @type {Cell} */ (others.find((cell) => cell.column === first));
                this._seen.add(both(one, other));
                for (const cell of [one, other]) this._drawn.set(cell.column, (this._drawn.get(cell.column) ?? 0) + 1);
                return this._random() < 0.5 ? [one, other] : [other, one];
            }
        }
        return null;
    }

    /** @param {number[]} columns */
    _leastFirst(columns) {
        return this._shuffled(columns).sort((a, b) => (this._drawn.get(a) ?? 0) - (this._drawn.get(b) ?? 0));
    }

    /**
     * Fisher and Yates.
     * @template T
     * @param {T[]} things
     * @returns {T[]}
     */
    _shuffled(things) {
        const own = [...things];
        for (let last = own.length - 1; last > 0; last -= 1) {
            const other = Math.floor(this._random() * (last + 1));
            [own[last], own[other]] = [own[other], own[last]];
        }
        return own;
    }
}
