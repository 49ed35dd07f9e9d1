// @ts-check
/** Two pictures over one another, and a slider between them. */

import { make, openDialog } from "../dom.js";
import { spoken } from "./board.js";

/**
 * @param {HTMLElement} page
 * @param {import("./store.js").Store} store
 */
export function openCompare(page, store) {
    const { gallery } = store;
    if (!gallery || store.picked.length !== 2) {
        store.say("Pick two pictures first: Space, or Ctrl and a click.", true);
        return;
    }
    const [one, other] = store.picked;
    const sizes = store.source.html ? /** @type {const} */ ("full") : /** @type {const} */ ("large");
    const images = [one, other].map((cell) => make("img", { src: store.source.image(gallery, cell.key, sizes), alt: spoken(gallery, cell), draggable: "false" }));
    const over = make("div", { class: "over-half" }, images[1]);
    const line = make("div", { class: "divider", "aria-hidden": "true" });
    const stage = make("div", { class: "slide" }, images[0], over, line);
    const slider = make("input", { type: "range", min: "0", max: "100", step: "1", value: "50", class: "wide-range", "aria-label": "How much of A is seen, in percent" });
    const set = () => {
        over.style.clipPath = `inset(0 0 0 ${slider.value}%)`;
        line.style.left = `${slider.value}%`;
    };
    slider.addEventListener("input", set);
    const follow = (/** @type {PointerEvent} */ event) => {
        if (event.type === "pointermove" && !(event.buttons & 1)) return;
        const { left, width } = stage.getBoundingClientRect();
        slider.value = String(Math.round((100 * (event.clientX - left)) / width));
        set();
    };
    stage.addEventListener("pointerdown", (event) => {
        stage.setPointerCapture(event.pointerId);
        follow(event);
    });
    stage.addEventListener("pointermove", follow);
    const names = make(
        "div", { class: "names" },
        make("p", {}, make("strong", {}, "A "), spoken(gallery, one)),
        make("p", {}, make("strong", {}, "B "), spoken(gallery, other)),
    );
    openDialog(page, "A and B", "large compare", make("div", { class: "around" }, stage), slider, names);
    set();
    slider.focus();
}
