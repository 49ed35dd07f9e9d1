// @ts-check
/** One picture of the folder that is open, as the page knows it. Pure. */

import { fold, foldTag, tagsOf } from "./captions.js";

export class Picture {
    /**
     * @param {any[]} row as the server lists it
     */
    constructor(row) {
        /** @type {string} its path in the folder */
        this.name = row[0];
        /** @type {string} */
        this._caption = row[1];
        /** @type {string} of its caption file; empty where there is none */
        this.hash = row[2];
        /** @type {number} */
        this.width = row[3];
        /** @type {number} */
        this.height = row[4];
        this.mask = Boolean(row[5]);
        /** @type {string} */
        this.stamp = row[6];
        /** @type {string} why it cannot be shown */
        this.problem = row[7];
        /** @type {string} why its caption cannot be edited */
        this.refused = row[8];
        /** @type {number | null} */
        this.tokens = null;
        /** @type {string[]} what Curate found, with figures */
        this.reasons = [];
        /** @type {number} the group of those that look like it; 0: there is none */
        this.alike = 0;
        /** @type {number} the cluster that Curate put it into; 0: none */
        this.cluster = 0;
        /** @type {string} "keep", "set aside", or nothing */
        this.decided = "";
        /** @type {string | null} what a person wrote and the server has not taken yet */
        this.draft = null;
        /** @type {{ folded: string, tags: string[], foldedTags: string[] } | null} */
        this._read = null;
    }

    /** @returns {string} */
    get caption() {
        return this._caption;
    }

    set caption(text) {
        this._caption = text;
        this._read = null;
    }

    get aside() {
        return this.decided === "set aside";
    }

    /** What was found, without figures. */
    get flags() {
        return this.reasons.map((reason) => reason.split(":")[0]);
    }

    get folded() {
        return this._parts().folded;
    }

    get tags() {
        return this._parts().tags;
    }

    get foldedTags() {
        return this._parts().foldedTags;
    }

    /** Pictures of the same name and another ending share their caption file. */
    get stem() {
        return this.name.replace(/\.[^./]*$/, "");
    }

    _parts() {
        if (!this._read) {
            const tags = tagsOf(this._caption);
            this._read = { folded: fold(this._caption), tags, foldedTags: tags.map(foldTag) };
        }
        return this._read;
    }
}
