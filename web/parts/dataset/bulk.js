// @ts-check
/** Many captions edited at once, seen before they are. */

import { difference, editor } from "./captions.js";
import { button, labelled, make, openDialog } from "../dom.js";

const SHOWN = 60; // changes in the preview
/** @type {[string, string][]} */
const KINDS = [
    ["prefix", "Put before"], ["suffix", "Put behind"], ["replace", "Find and replace"],
    ["add", "Add a tag"], ["remove", "Remove a tag"],
];

/**
 * @param {HTMLElement} page
 * @param {import("./store.js").Store} store
 */
export function openBulk(page, store) {
    const kind = make("select", {}, ...KINDS.map(([value, text]) => make("option", { value }, text)));
    const text = make("input", { type: "text", autocomplete: "off" });
    const by = make("input", { type: "text", autocomplete: "off" });
    const regex = make("input", { type: "checkbox" });
    const matchCase = make("input", { type: "checkbox" });
    const first = make("input", { type: "checkbox" });
    const own = make("input", { type: "radio", name: "scope", checked: store.selection.size > 0, disabled: !store.selection.size });
    const all = make("input", { type: "radio", name: "scope", checked: !store.selection.size });
    const parts = {
        replace: [labelled("with", by), labelled("as a regular expression", regex), labelled("Aa are not the same", matchCase)],
        add: [labelled("before the others", first)],
    };
    const told = make("p", { class: "note", role: "status" });
    const preview = make("ul", { class: "preview", "aria-label": "Preview", tabindex: "0" });
    const apply = button("Change", "Save these captions. Ctrl+Z undoes it.", () => void change(), { class: "main" });
    const form = make(
        "form", { class: "bulk" },
        labelled("What", kind), labelled("text", text), ...parts.replace, ...parts.add,
        make(
            "fieldset", {}, make("legend", {}, "Of"),
            labelled(`the ${store.selection.size} selected`, own),
            labelled(`all ${store.shown.length} that are shown`, all),
        ),
        told, preview, make("footer", {}, apply),
    );
    const dialog = openDialog(page, "Edit many captions", "large", form);
    /** @type {import("./store.js").Change[]} */
    let changes = [];
    let waiting = 0;

    function look() {
        for (const [name, fields] of Object.entries(parts)) {
            for (const field of fields) field.hidden = kind.value !== name;
        }
        const among = own.checked ? store.chosen([]) : store.shown;
        changes = [];
        try {
            const edit = editor({
                kind: /** @type {any} */ (kind.value), text: text.value, by: by.value,
                regex: regex.checked, matchCase: matchCase.checked, first: first.checked,
            });
            const stems = new Set();
            for (const picture of among) {
                const after = picture.refused ? picture.caption : edit(picture.caption);
                if (after === picture.caption || stems.has(picture.stem)) continue;
                stems.add(picture.stem); // whose caption file is another's too
                changes.push({ picture, text: after });
            }
            told.textContent = `${changes.length} of ${among.length} captions change.`;
            told.classList.remove("bad");
        } catch (error) {
            if (!(error instanceof SyntaxError)) throw error;
            told.textContent = error.message;
            told.classList.add("bad");
        }
        apply.disabled = !changes.length;
        preview.replaceChildren(...changes.slice(0, SHOWN).map(line));
    }

    async function change() {
        apply.disabled = true;
        told.textContent = `Saving ${changes.length} captions…`;
        const label = `${KINDS.find(([value]) => value === kind.value)?.[1]} “${text.value}”, ${changes.length} captions`;
        try {
            await store.saveAll(changes, label);
            dialog.close();
        } catch (error) {
            told.textContent = `Not all was saved: ${/** @type {Error} */ (error).message}`;
            told.classList.add("bad");
            apply.disabled = false;
        }
    }

    form.addEventListener("input", () => {
        apply.disabled = true; // until what is shown is what would be saved
        clearTimeout(waiting);
        waiting = window.setTimeout(look, 120);
    });
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        clearTimeout(waiting);
        look();
        if (changes.length) apply.focus();
    });
    look();
    text.focus();
}

/** @param {import("./store.js").Change} change */
function line({ picture, text }) {
    const { start, removed, added, end } = difference(picture.caption, text);
    const near = (/** @type {string} */ part, /** @type {boolean} */ before) =>
        part.length < 60 ? part : before ? `…${part.slice(-58)}` : `${part.slice(0, 58)}…`;
    return make(
        "li", {}, make("span", { class: "name" }, picture.name),
        make(
            "span", {}, near(start, true), removed ? make("del", {}, removed) : null,
            added ? make("ins", {}, added) : null, near(end, false),
        ),
    );
}
