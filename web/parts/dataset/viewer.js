// @ts-check
/** One picture large: what a training would cut off, and its mask. */

import { button, labelled, make, openDialog } from "../dom.js";
import { get, imageAddress } from "./server.js";

/** @typedef {import("./picture.js").Picture} Picture */

const SIZES = [512, 768, 1024, 1280, 1536];

/**
 * @param {HTMLElement} page
 * @param {import("./grid.js").Grid} grid
 * @param {import("./keys.js").Actions} actions
 */
export function openViewer(page, grid, actions) {
    const { store } = grid;
    if (!grid.current) return;
    const image = make("img", { alt: "" });
    const box = make("div", { class: "crop", hidden: true });
    const cover = make("img", { alt: "", class: "mask", hidden: true });
    const stage = make("div", { class: "stage" }, image, cover, box);
    const told = make("div", { class: "told", "aria-live": "polite" });
    const cropped = make("input", { type: "checkbox", checked: true });
    const masked = make("input", { type: "checkbox", checked: true });
    const size = make("select", {}, ...SIZES.map((one) => make("option", { value: String(one), selected: one === 1024 }, String(one))));
    const masking = labelled("Mask (M)", masked);
    const bar = make(
        "div", { class: "bar" },
        button("←", "The one before (Left)", () => step(-1), { "aria-label": "The one before" }),
        button("→", "The next (Right)", () => step(1), { "aria-label": "The next" }),
        labelled("Crop (C)", cropped), labelled("trained at", size), masking,
        button("Set aside (X)", "No file is moved.", () => decide("set aside")),
        button("Keep (K)", "Whatever is recommended.", () => decide("keep")),
        button("Restore (R)", "Take the decision back.", () => decide("")),
    );
    const dialog = openDialog(page, "", "large viewer", bar, make("div", { class: "around" }, stage), told);
    const heading = /** @type {HTMLElement} */ (dialog.querySelector("h2"));

    /** @param {number} by */
    function step(by) {
        grid.moveTo(grid.cursor + by);
        show();
    }

    /** @param {"keep" | "set aside" | ""} word */
    function decide(word) {
        actions.decide(word);
    }

    function show() {
        const picture = grid.current;
        if (!picture) return;
        heading.textContent = picture.name;
        image.alt = picture.caption;
        if (picture.problem) image.removeAttribute("src");
        else image.src = imageAddress(store.folder, picture, "large");
        stage.style.setProperty("--shape", `${picture.width || 1} / ${picture.height || 1}`);
        stage.style.setProperty("--ratio", String((picture.width || 1) / (picture.height || 1)));
        cover.removeAttribute("src");
        cover.hidden = !picture.mask || !masked.checked;
        masking.hidden = !picture.mask;
        if (!cover.hidden) cover.src = imageAddress(store.folder, picture, "mask");
        tell(picture, "");
        box.hidden = true;
        void crop(picture).catch((error) => store.say(error.message, true));
    }

    /** @param {Picture} picture */
    async function crop(picture) {
        if (picture.problem) return;
        const query = { folder: store.folder, name: picture.name, resolution: size.value };
        const found = await get("/crop", query);
        if (grid.current !== picture || found.bucket === undefined) return;
        const [left, top, width, height] = found.box.map((/** @type {number} */ part) => `${part * 100}%`);
        Object.assign(box.style, { left, top, width, height });
        box.hidden = !cropped.checked;
        const lost = Math.round(found.cut_off * 100);
        const large = found.enlarged > 1.005 ? `enlarged ${found.enlarged.toFixed(2)} times` : "not enlarged";
        tell(picture, `In the bucket ${found.bucket.join(" × ")}: ${lost} % cut off, ${large}.`);
    }

    /** @param {Picture} picture @param {string} fit */
    function tell(picture, fit) {
        const state = picture.aside ? "Set aside." : picture.decided ? "Kept." : "";
        const lines = [`${picture.width} × ${picture.height} pixels. ${fit} ${state}`, picture.problem, ...picture.reasons];
        told.replaceChildren(
            ...lines.filter(Boolean).map((text) => make("p", { class: "note" }, text)),
            make("p", { class: "words" }, picture.draft ?? picture.caption),
        );
    }

    for (const field of [cropped, masked, size]) field.addEventListener("change", show);
    dialog.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.target === size) return;
        /** @type {Record<string, () => void>} */
        const keys = {
            ArrowLeft: () => step(-1), ArrowRight: () => step(1),
            c: () => cropped.click(), m: () => picture() && masked.click(),
            x: () => decide("set aside"), k: () => decide("keep"), r: () => decide(""),
        };
        const found = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
        if (!found) return;
        event.preventDefault();
        event.stopPropagation();
        found();
    });
    const picture = () => grid.current?.mask;
    store.addEventListener("changed", show);
    dialog.addEventListener("close", () => store.removeEventListener("changed", show));
    show();
}
