// @ts-check
/** One picture large: what it was made of, its scores, and the training picture nearest to it. */

import { button, make, openDialog, table } from "../dom.js";
import { short, spoken } from "./board.js";
import { named } from "./cell.js";

/** @typedef {import("./board.js").Cell} Cell */

/**
 * @param {HTMLElement} page
 * @param {import("./view.js").View} view
 */
export function openLook(page, view) {
    const { store } = view;
    const image = make("img", { alt: "" });
    const told = make("div", { class: "told", tabindex: "0", role: "region", "aria-label": "About this picture" });
    const bar = make(
        "div", { class: "bar" },
        button("←", "The one before (Left)", () => step(0, -1), { "aria-label": "The one before" }),
        button("→", "The next (Right)", () => step(0, 1), { "aria-label": "The next" }),
        button("↑", "The one above (Up)", () => step(-1, 0), { "aria-label": "The one above" }),
        button("↓", "The one below (Down)", () => step(1, 0), { "aria-label": "The one below" }),
        button("Pick", "To compare it with another (Space)", () => pick()),
    );
    const dialog = openDialog(page, "", "large look", bar, make("div", { class: "beside" }, make("div", { class: "around" }, image), told));
    const heading = /** @type {HTMLElement} */ (dialog.querySelector("h2"));

    /** @param {number} down @param {number} right */
    function step(down, right) {
        view.moveTo(view.cursor.row + down, view.cursor.column + right);
        show();
    }

    function pick() {
        if (view.current) store.pick(view.current);
        show();
    }

    function show() {
        const { gallery } = store;
        const cell = view.current;
        if (!gallery || !cell) return;
        heading.textContent = `${spoken(gallery, cell)}${store.picked.includes(cell) ? " (picked)" : ""}`;
        image.alt = spoken(gallery, cell);
        if (store.missing.has(cell.key)) image.removeAttribute("src");
        else image.src = store.source.image(gallery, cell.key, store.source.html ? "full" : "large");
        told.replaceChildren(facts(cell), ...scores(cell), ...pairs(cell));
    }

    /** @param {Cell} cell */
    function facts(cell) {
        const rows = {
            prompt: cell.prompt, "kind of prompt": cell.kind, seed: cell.seed, LoRA: cell.lora || "none",
            checkpoint: cell.checkpoint, strength: cell.strength === null ? "" : short(cell.strength),
            ...cell.settings, ...store.gallery?.sampling,
        };
        return table("Made of", Object.entries(rows).filter(([, value]) => value !== ""));
    }

    /** @param {Cell} cell */
    function scores(cell) {
        const found = Object.entries(store.gallery?.scores ?? {}).filter(([, score]) => score.cells[cell.key] !== undefined);
        const rows = found.map(([name, score]) => [named(name), `${short(score.cells[cell.key])} (${score.better} is better)`]);
        return rows.length ? [table("Scores", rows)] : [];
    }

    /** @param {Cell} cell */
    function pairs(cell) {
        const { gallery } = store;
        const found = gallery ? Object.values(gallery.scores).map((score) => score.pairs[cell.key]).filter(Boolean) : [];
        return found.map((pair) => make(
            "figure", {},
            make("img", { src: gallery ? store.source.pair(gallery, pair.picture) : "", alt: "" }),
            make("figcaption", {}, `The training picture nearest to it: ${pair.name}`),
        ));
    }

    dialog.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        /** @type {Record<string, () => void>} */
        const keys = {
            ArrowLeft: () => step(0, -1), ArrowRight: () => step(0, 1),
            ArrowUp: () => step(-1, 0), ArrowDown: () => step(1, 0),
        };
        if (event.key === " " && !(event.target instanceof HTMLButtonElement)) keys[" "] = pick;
        if (!keys[event.key]) return;
        event.preventDefault();
        event.stopPropagation();
        keys[event.key]();
    });
    show();
}
