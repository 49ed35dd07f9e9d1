// @ts-check
/** What a person changes in the folder that is open: captions and decisions, to be undone. */

import { History } from "./history.js";
import { post, Refusal } from "./server.js";
import { Shelf } from "./shelf.js";

/** @typedef {import("./picture.js").Picture} Picture */

/**
 * @typedef {object} Conflict A caption that was not saved, for the file holds something else.
 * @property {Picture} picture
 * @property {string} yours
 * @property {string} theirs
 * @property {string} hash of theirs
 * @property {number} tokens of theirs
 * @property {string} error
 */

/** @typedef {{ picture: Picture, text: string }} Change */

/** Tells by `conflicts`, beside what a shelf tells. */
export class Store extends Shelf {
    constructor() {
        super();
        this.history = new History();
        /** @type {Promise<any>} one change after the other, or hashes would be out of date */
        this._last = Promise.resolve();
        /** @type {Promise<any>} */
        this._turned = Promise.resolve();
        this.addEventListener("listed", (event) => {
            const { another } = /** @type {CustomEvent} */ (event).detail;
            another ? this.history.clear() : this.history.follow(this.byName);
        });
        this.addEventListener("cut", (event) => this._conflicts(/** @type {CustomEvent} */ (event).detail));
    }

    /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
    _after(work) {
        const next = this._last.then(work, work);
        this._last = next;
        return next;
    }

    /**
     * Save one caption. What the server does not take stays in the picture's draft.
     * @param {Picture} picture
     * @param {string} text
     */
    save(picture, text) {
        return this._after(() => this._save(picture, text));
    }

    /** @param {Picture} picture @param {string} text */
    async _save(picture, text) {
        if (text === picture.caption) {
            picture.draft = null;
            this.tell("changed");
            return;
        }
        const before = picture.caption;
        picture.draft = text;
        this.tell("changed");
        const body = { folder: this.folder, name: picture.name, expected: picture.hash, text };
        try {
            const saved = await post("/caption", body);
            this._saved(picture, text, saved.hash, saved.tokens);
            this.history.add({ label: `caption of ${picture.name}`, captions: [{ picture, before, after: text }] });
            this.say(`Saved the caption of ${picture.name}.`);
        } catch (error) {
            if (!(error instanceof Refusal && error.status === 409)) throw error;
            const { theirs, hash, tokens } = error.answer;
            this.tell("conflicts", [{ picture, yours: text, theirs, hash, tokens, error: error.message }]);
        }
        this.tell("changed");
    }

    /**
     * @param {Picture} picture
     * @param {string} text
     * @param {string} hash
     * @param {number | null} tokens
     */
    _saved(picture, text, hash, tokens) {
        const sharing = this.pictures.filter((one) => one.stem === picture.stem);
        for (const one of sharing) {
            one.caption = text;
            one.hash = hash;
            one.tokens = tokens;
        }
        if (picture.draft === text) picture.draft = null;
    }

    /**
     * Save many captions at once.
     * @param {Change[]} changes
     * @param {string} label for undo; none where this is one
     */
    saveAll(changes, label) {
        return this._after(() => this._saveAll(changes, label));
    }

    /** @param {Change[]} changes @param {string} label */
    async _saveAll(changes, label) {
        const before = new Map(changes.map(({ picture }) => [picture, picture.caption]));
        const answer = await post("/captions", {
            folder: this.folder,
            changes: changes.map(({ picture, text }) => ({ name: picture.name, expected: picture.hash, text })),
        });
        const stems = new Map(changes.map((one) => [one.picture.stem, one]));
        /** @type {{ picture: Picture, before: string, after: string }[]} */
        const done = [];
        for (const one of this.pictures) {
            const change = stems.get(one.stem);
            const saved = change && answer.saved[change.picture.name];
            if (!change || !saved) continue;
            [one.caption, one.hash, one.tokens, one.draft] = [change.text, saved[0], saved[1], null];
            if (change.picture === one) {
                done.push({ picture: one, before: before.get(one) ?? "", after: change.text });
            }
        }
        if (done.length && label) this.history.add({ label, captions: done });
        this.say(`Changed ${done.length} of ${changes.length} captions.`);
        this._refresh();
        this._conflicts(answer.refused);
        return done.length;
    }

    /** @param {any[]} refused as the server tells them */
    _conflicts(refused) {
        /** @type {Conflict[]} */
        const conflicts = [];
        for (const one of refused ?? []) {
            const picture = this.byName.get(one.name);
            if (picture) picture.draft = one.yours;
            if (picture && one.hash !== null && one.hash !== picture.hash) conflicts.push({ ...one, picture });
            else this.say(one.error, true); // a full disk, say: the text stays here, not saved
        }
        if (refused?.length) this.tell("changed");
        if (conflicts.length) this.tell("conflicts", conflicts);
    }

    /**
     * What a person chose where a caption was another one on disk: `text` goes there, or what is
     * there stays.
     * @param {Conflict} conflict
     * @param {string | null} text
     */
    async settle(conflict, text) {
        const { picture, theirs, hash, tokens } = conflict;
        picture.draft = null;
        this._saved(picture, theirs, hash, tokens);
        if (text !== null) await this.save(picture, text);
        this.tell("changed");
    }

    /**
     * @param {Picture[]} pictures
     * @param {"keep" | "set aside" | ""} word
     */
    async decide(pictures, word) {
        const sound = pictures.filter((one) => one.decided !== word);
        if (!sound.length) {
            if (pictures.length) this.say(word ? `It is ${word === "keep" ? "kept" : word} already.` : "Nothing was decided of it.");
            return;
        }
        const before = await this._decided(new Map(sound.map((one) => [one, word])));
        const words = { "set aside": "set aside", keep: "kept", "": "restored" };
        const what = sound.length === 1 ? sound[0].name : `${sound.length} pictures`;
        this.history.add({ label: `${words[word]}: ${what}`, decisions: { before, after: word } });
        this.say(`${what}: ${words[word]}. No file was moved.`);
    }

    /** @param {Map<Picture, string>} words @returns {Promise<Map<Picture, string>>} those before */
    async _decided(words) {
        const decisions = Object.fromEntries([...words].map(([one, word]) => [one.name, word]));
        const answer = await post("/decisions", { folder: this.folder, decisions });
        for (const one of this.pictures) one.decided = answer.decided[one.name] ?? "";
        this.tell("changed");
        return new Map([...words.keys()].map((one) => [one, answer.before[one.name] ?? ""]));
    }

    /** One after the other, however fast the key is pressed. @param {boolean} [again] redo instead */
    undo(again = false) {
        const turned = this._turned.then(() => this._undo(again), () => this._undo(again));
        this._turned = turned;
        return turned;
    }

    /** @param {boolean} again */
    async _undo(again) {
        const step = again ? this.history.redo() : this.history.undo();
        if (!step) {
            this.say(again ? "There is nothing to redo." : "There is nothing to undo.");
            return;
        }
        try {
            await this._turnBack(step, again);
        } catch (error) {
            again ? this.history.undo() : this.history.redo();
            throw error;
        }
    }

    /** @param {import("./history.js").Step} step @param {boolean} again */
    async _turnBack(step, again) {
        const own = step.captions ?? [];
        const same = own.filter(({ picture, before, after }) => picture.caption === (again ? before : after));
        if (same.length) {
            const changes = same.map(({ picture, before, after }) => ({ picture, text: again ? after : before }));
            await this.saveAll(changes, "");
        }
        if (step.decisions) {
            const { before, after } = step.decisions;
            await this._decided(again ? new Map([...before.keys()].map((one) => [one, after])) : before);
        }
        const left = own.length - same.length;
        const but = left ? ` ${left} captions were changed since, and are left as they are.` : "";
        this.say(`${again ? "Done again" : "Undone"}: ${step.label}.${but}`, left > 0);
    }
}
