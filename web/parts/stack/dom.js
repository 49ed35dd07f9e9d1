// @ts-check
/** Elements of the page, made in one line each. */

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
    grip: "M6 3v.1M10 3v.1M6 8v.1M10 8v.1M6 13v.1M10 13v.1",
    link: "M7 9a3 3 0 0 0 4 0l2-2a3 3 0 0 0-4-4l-1 1M9 7a3 3 0 0 0-4 0L3 9a3 3 0 0 0 4 4l1-1",
    apart: "M11 9l2-2a3 3 0 0 0-4-4l-1 1M5 7L3 9a3 3 0 0 0 4 4l1-1",
    more: "M6 4l4 4-4 4",
    copy: "M6 6h7v7H6zM3 10V3h7",
    remove: "M4 4l8 8M12 4l-8 8",
    add: "M8 3v10M3 8h10",
};

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [properties] of the element; with a dash, attributes; on…, listeners
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (name.includes("-") || name === "role") element.setAttribute(name, value);
        else Object.assign(element, { [name]: value });
    }
    element.append(...children);
    return element;
}

/**
 * @param {keyof typeof ICONS} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    const path = document.createElementNS(SVG, "path");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
}

/**
 * A button that shows an icon and is called `label`.
 * @param {keyof typeof ICONS} name
 * @param {string} label
 * @param {(event: MouseEvent) => void} onclick
 * @returns {HTMLButtonElement}
 */
export function iconButton(name, label, onclick) {
    const button = make("button", { type: "button", className: "icon", onclick }, icon(name));
    rename(button, label);
    return button;
}

/**
 * @param {HTMLElement} element
 * @param {string} label for a screen reader, and shown where the mouse rests
 */
export function rename(element, label) {
    element.setAttribute("aria-label", label);
    element.title = label;
}

/**
 * A switch: a button, since ComfyUI leaves undo to the browser while an input has the focus.
 * @param {string} label
 * @param {() => void} onclick
 * @returns {HTMLButtonElement}
 */
export function toggle(label, onclick) {
    const button = make("button", { type: "button", role: "switch", className: "switch", onclick });
    rename(button, label);
    return button;
}

/**
 * `draw`, which does nothing where it is given what it was given last.
 * @template {unknown[]} Given
 * @param {(...given: Given) => void} draw
 * @returns {(...given: Given) => void}
 */
export function whenOther(draw) {
    /** @type {Given | null} */
    let last = null;
    return (...given) => {
        if (last?.every((one, place) => one === given[place])) return;
        last = given;
        draw(...given);
    };
}
