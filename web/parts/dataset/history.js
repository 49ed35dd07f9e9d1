// @ts-check
/** What was changed, to be undone and done again. Pure. */

/** @typedef {import("./picture.js").Picture} Picture */

/**
 * @typedef {object} Step One thing that a person did.
 * @property {string} label
 * @property {{ picture: Picture, before: string, after: string }[]} [captions]
 * @property {{ before: Map<Picture, string>, after: string }} [decisions]
 */

const MOST = 100;

export class History {
    constructor() {
        /** @type {Step[]} */
        this.done = [];
        /** @type {Step[]} */
        this.undone = [];
    }

    clear() {
        this.done = [];
        this.undone = [];
    }

    /** @param {Step} step */
    add(step) {
        this.done = [...this.done, step].slice(-MOST);
        this.undone = [];
    }

    undo() {
        const step = this.done.pop();
        if (step) this.undone.push(step);
        return step;
    }

    redo() {
        const step = this.undone.pop();
        if (step) this.done.push(step);
        return step;
    }

    /**
     * After a folder is listed anew: steps are about the new pictures of the same names.
     * @param {Map<string, Picture>} byName
     */
    follow(byName) {
        for (const step of [...this.done, ...this.undone]) {
            step.captions = step.captions?.flatMap((one) => {
                const picture = byName.get(one.picture.name);
                return picture ? [{ ...one, picture }] : [];
            });
            if (!step.decisions) continue;
            const before = new Map();
            for (const [one, word] of step.decisions.before) {
                const picture = byName.get(one.name);
                if (picture) before.set(picture, word);
            }
            step.decisions.before = before;
        }
    }
}
