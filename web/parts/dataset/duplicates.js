// @ts-check
/** Pictures that look alike, side by side. */

import { button, make, openDialog } from "../dom.js";
import { imageAddress } from "./server.js";

/** @typedef {import("./picture.js").Picture} Picture */

/**
 * @param {import("./store.js").Store} store
 * @returns {Picture[][]} groups by number
 */
function groupsOf(store) {
    /** @type {Picture[][]} */
    const groups = [];
    for (const one of store.pictures) if (one.alike) (groups[one.alike] ??= []).push(one);
    return groups.filter(Boolean);
}

/**
 * Begins with the group of `first`, if it is in one.
 * @param {HTMLElement} page
 * @param {import("./store.js").Store} store
 * @param {Picture | null} first
 */
export function openDuplicates(page, store, first) {
    const groups = groupsOf(store);
    if (!groups.length) {
        const seen = store.facts.looked;
        const why = seen ? `None of the ${seen} pictures that were looked at look alike.` : "Nothing was looked at yet.";
        store.say(`${why} “Look for faults” looks at all.`);
        return;
    }
    let at = Math.max(0, groups.findIndex((group) => first && group.includes(first)));
    const place = make("div", { class: "alike" });
    const where = make("span", { role: "status" });
    const bar = make(
        "div", { class: "bar" },
        button("←", "The group before (Left)", () => go(-1), { "aria-label": "The group before" }), where,
        button("→", "The next group (Right)", () => go(1), { "aria-label": "The next group" }),
    );
    const dialog = openDialog(page, "Pictures that look alike", "large", bar, place);

    /** @param {number} by */
    function go(by) {
        at = (at + by + groups.length) % groups.length;
        show();
    }

    function show() {
        where.textContent = `Group ${at + 1} of ${groups.length}, ${groups[at].length} pictures`;
        const root = /** @type {ShadowRoot} */ (dialog.getRootNode());
        const held = /** @type {HTMLElement | null} */ (root.activeElement)?.dataset?.key;
        place.replaceChildren(...groups[at].map(column));
        if (held) for (const one of place.querySelectorAll("button")) if (one.dataset.key === held) one.focus();
    }

    /** @param {Picture} picture */
    function column(picture) {
        const image = make("img", { alt: picture.caption });
        image.src = imageAddress(store.folder, picture, "large");
        /** @param {"keep" | "set aside" | ""} word @param {string} text */
        const choice = (word, text) =>
            button(text, `${text}: ${picture.name}. No file is moved.`, () => decide(picture, word), {
                "aria-pressed": String(picture.decided === word), "data-key": `${picture.name}/${word}`,
            });
        const like = picture.reasons.filter((reason) => reason.includes("duplicate"));
        return make(
            "figure", { class: picture.aside ? "aside" : "" }, image,
            make(
                "figcaption", {},
                make("p", { class: "name" }, `${picture.name}, ${picture.width} × ${picture.height}`),
                make("p", { class: "words" }, picture.caption),
                ...like.map((reason) => make("p", { class: "note" }, reason)),
                make("div", { class: "bar" }, choice("keep", "Keep"), choice("set aside", "Set aside"), choice("", "Undecided")),
            ),
        );
    }

    /** @param {Picture} picture @param {"keep" | "set aside" | ""} word */
    function decide(picture, word) {
        store.decide([picture], word).catch((error) => store.say(error.message, true));
    }

    dialog.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.preventDefault();
        event.stopPropagation();
        go(event.key === "ArrowLeft" ? -1 : 1);
    });
    store.addEventListener("changed", show);
    dialog.addEventListener("close", () => store.removeEventListener("changed", show));
    show();
}
