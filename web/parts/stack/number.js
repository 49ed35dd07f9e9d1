// @ts-check
/** A number to type, to drag sideways, or to step with the arrow keys. */

import { readStrength, stepped, writeStrength } from "./fields.js";
import { make, rename } from "./dom.js";

const STEP = 0.05;
const FINE = 0.01; // with Shift
const PIXELS = 6; // of a drag, to a step
const MEANT = 3; // pixels from which a press is a drag

/**
 * @typedef {object} NumberField
 * @property {HTMLInputElement} element
 * @property {(value: number, label: string) => void} show
 */

/**
 * @param {(value: number) => void} onchange told when a value is settled
 * @returns {NumberField}
 */
export function numberField(onchange) {
    let value = 0;
    const element = make("input", {
        type: "text",
        inputMode: "decimal",
        autocomplete: "off",
        spellcheck: false,
        className: "number",
        role: "spinbutton",
        "aria-valuemin": "-100",
        "aria-valuemax": "100",
    });

    const write = (/** @type {number} */ shown) => {
        element.value = writeStrength(shown);
        element.setAttribute("aria-valuenow", String(shown));
        element.setCustomValidity("");
        element.removeAttribute("aria-invalid");
    };
    const settle = (/** @type {number} */ settled) => {
        write(settled);
        if (settled === value) return;
        value = settled;
        onchange(settled);
    };

    element.addEventListener("change", () => {
        const read = readStrength(element.value);
        if (read.problem === null) return settle(read.value);
        element.setCustomValidity(read.problem);
        element.setAttribute("aria-invalid", "true");
        element.reportValidity();
    });
    element.addEventListener("blur", () => write(value)); // what is no number is not kept
    element.addEventListener("keydown", (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5 }[event.key];
        if (steps) {
            event.preventDefault();
            settle(stepped(value, steps, event.shiftKey ? FINE : STEP));
        } else if (event.key === "Escape") {
            write(value);
            element.select();
        }
    });
    scrub(element, () => value, write, settle);

    return {
        element,
        show(shown, label) {
            value = shown;
            write(shown);
            rename(element, label);
        },
    };
}

/**
 * Dragging sideways changes the number; pressing without dragging is for typing.
 * @param {HTMLInputElement} element
 * @param {() => number} start
 * @param {(value: number) => void} write
 * @param {(value: number) => void} settle
 */
function scrub(element, start, write, settle) {
    let from = 0;
    let current = 0;
    let dragged = false;

    const move = (/** @type {PointerEvent} */ event) => {
        const way = event.clientX - from;
        if (!dragged && Math.abs(way) < MEANT) return;
        dragged = true;
        current = stepped(start(), Math.trunc(way / PIXELS), event.shiftKey ? FINE : STEP);
        write(current);
    };
    const end = (/** @type {PointerEvent} */ event) => {
        element.removeEventListener("pointermove", move);
        if (dragged && event.type === "pointerup") settle(current);
        else if (dragged) write(start());
        else if (event.type === "pointerup") element.select();
        if (dragged) element.blur();
    };
    element.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || element.disabled || element === document.activeElement) return;
        from = event.clientX;
        current = start();
        dragged = false;
        element.setPointerCapture(event.pointerId);
        element.addEventListener("pointermove", move);
        element.addEventListener("pointerup", end, { once: true });
        element.addEventListener("pointercancel", end, { once: true });
    });
}
