// @ts-check
/** A caption that was changed elsewhere while it was edited here: both texts, and a choice. */

import { button, labelled, make, openDialog } from "../dom.js";

/** @typedef {import("./store.js").Conflict} Conflict */

/**
 * One after the other. Closing decides nothing: what was written stays in the page, not saved.
 * @param {HTMLElement} page
 * @param {import("./store.js").Store} store
 * @param {Conflict[]} conflicts
 */
export function openConflicts(page, store, conflicts) {
    const waiting = [...conflicts];
    const place = make("div", { class: "conflict" });
    const dialog = openDialog(page, "The caption was changed elsewhere", "large", place);

    function next() {
        const conflict = waiting[0];
        if (!conflict) {
            dialog.close();
            return;
        }
        const yours = make("textarea", { rows: "6" });
        yours.value = conflict.yours;
        yours.addEventListener("input", () => (conflict.picture.draft = conflict.yours = yours.value));
        const theirs = make("textarea", { rows: "6", readonly: true });
        theirs.value = conflict.theirs;
        /** @param {boolean} mine @param {boolean} all */
        const choose = async (mine, all) => {
            const some = all ? waiting.splice(0) : waiting.splice(0, 1);
            try {
                for (const one of some) await store.settle(one, mine ? one.yours : null);
            } catch (error) {
                store.say(/** @type {Error} */ (error).message, true);
            }
            next();
        };
        const both = [
            button("Save mine", "Write your text. What is there now is kept in the folder .bak.", () => choose(true, false), { class: "main" }),
            button("Take the other", "Leave the file as it is.", () => choose(false, false)),
        ];
        const many = [
            button(`Save all ${waiting.length} of mine`, "For all that are left.", () => choose(true, true)),
            button(`Take all ${waiting.length} others`, "For all that are left.", () => choose(false, true)),
        ];
        place.replaceChildren(
            make("p", {}, `${conflict.picture.name} holds another text than when you began. Nothing was written.`),
            make("div", { class: "both" }, labelled("Yours", yours), labelled("In the file now", theirs)),
            make("footer", {}, ...both, ...(waiting.length > 1 ? many : []), button("Decide later", "Your text stays here, not saved.", () => dialog.close())),
        );
        both[0].focus();
    }

    next();
}
