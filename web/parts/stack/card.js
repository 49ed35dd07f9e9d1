// @ts-check
/** What a LoRA file says of itself: picture, trigger words, settings. Shown on hover and focus. */

import { make } from "./dom.js";
import { placeBeside } from "./floating.js";
import { about } from "./about.js";
import { parts } from "./names.js";

const ID = "atelier-stack-card";
const DELAY = 300; // milliseconds that the mouse rests
const MOST_WORDS = 12;
const MOST_SETTINGS = 14;

const card = make("div", { className: "atelier-floating atelier-card", id: ID, role: "tooltip" });
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let wanted = "";

/**
 * Show the card of a file beside `anchor`, when it is known.
 * @param {string} name
 * @param {HTMLElement} anchor
 */
export async function showCard(name, anchor) {
    clearTimeout(timer);
    wanted = name;
    const found = await about(name);
    if (wanted !== name || !anchor.isConnected) return;
    card.replaceChildren(...contents(name, found));
    placeBeside(card, anchor);
    card.querySelector("img")?.addEventListener("load", () => {
        if (card.isConnected && wanted === name && anchor.isConnected) placeBeside(card, anchor);
    });
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
        if (name) void showCard(name, element);
    };
    element.addEventListener("pointerenter", () => {
        clearTimeout(timer);
        timer = setTimeout(show, DELAY);
    });
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
