// @ts-check
/** What a LoRA file says of itself: picture, trigger words, settings. Shown on hover and focus. */

import { make } from "./dom.js";
import { placeBeside } from "./floating.js";
import { about } from "./about.js";
import { parts } from "./names.js";

const ID = "atelier-stack-card";
const DELAY = 250; // milliseconds that the mouse or the keyboard rests
const MOST_WORDS = 12;
const MOST_SETTINGS = 14;

const card = make("div", { className: "atelier-floating atelier-card", id: ID, role: "tooltip" });
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let wanted = "";

/**
 * Show the card of a file beside `anchor`, soon, if no other is wanted till then.
 * @param {string} name
 * @param {HTMLElement} anchor
 */
export function showCard(name, anchor) {
    clearTimeout(timer);
    wanted = name;
    timer = setTimeout(() => void reveal(name, anchor), DELAY);
}

/**
 * @param {string} name
 * @param {HTMLElement} anchor
 */
async function reveal(name, anchor) {
    const found = await about(name);
    const shown = contents(name, found);
    const [picture] = shown; // whose size is known only when it is read
    if (picture instanceof HTMLImageElement) await picture.decode().catch(() => shown.shift());
    if (wanted !== name || !anchor.isConnected) return;
    card.replaceChildren(...shown);
    placeBeside(card, anchor);
}

export function hideCard() {
    clearTimeout(timer);
    wanted = "";
    card.remove();
}

/**
 * Show the card while the mouse rests on `element`, or the keyboard is there.
 * @param {HTMLElement} element
 * @param {() => string | null} file to show, if any
 */
export function cardOn(element, file) {
    element.setAttribute("aria-describedby", ID);
    const show = () => {
        const name = file();
        if (name) showCard(name, element);
    };
    element.addEventListener("pointerenter", show);
    element.addEventListener("pointerleave", hideCard);
    element.addEventListener("pointerdown", hideCard);
    element.addEventListener("focus", () => {
        if (element.matches(":focus-visible")) show();
    });
    element.addEventListener("blur", hideCard);
    element.addEventListener("keydown", (event) => {
        if (event.key === "Escape") hideCard();
    });
}

/**
 * @param {string} name
 * @param {import("./about.js").About} found
 * @returns {HTMLElement[]}
 */
function contents(name, { picture, words, settings, problem }) {
    const shown = [make("strong", {}, parts(name).stem)];
    if (picture) shown.unshift(make("img", { src: picture, alt: "" }));
    if (words.length) {
        const rest = words.length > MOST_WORDS ? ", …" : "";
        shown.push(make("p", {}, `Trigger words: ${words.slice(0, MOST_WORDS).join(", ")}${rest}`));
    }
    if (settings.length) {
        const lines = settings.slice(0, MOST_SETTINGS).flatMap(([label, value]) => [
            make("dt", {}, label),
            make("dd", {}, value),
        ]);
        shown.push(make("dl", {}, ...lines));
    }
    if (shown.length === 1) shown.push(make("p", {}, problem ?? "The file says nothing of itself."));
    return shown;
}
