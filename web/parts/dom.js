// @ts-check
/** Elements of the page. */

/**
 * Make an element: `on…` are listeners, `class` and other names attributes, where true is an empty
 * one and false none.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} kind
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(kind, attributes = {}, ...children) {
    const element = document.createElement(kind);
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function") element.addEventListener(name.slice(2), value);
        else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
}

/**
 * @param {string} text
 * @param {string} help what it does, with its key
 * @param {(event: MouseEvent) => void} onclick
 * @param {Record<string, any>} [more]
 */
export function button(text, help, onclick, more = {}) {
    return make("button", { type: "button", title: help, onclick, ...more }, text);
}

let made = 0;

/**
 * A name with its field.
 * @param {string} text
 * @param {HTMLElement} field
 */
export function labelled(text, field) {
    field.id ||= `field-${++made}`;
    const label = make("label", { for: field.id }, text);
    const ticked = field instanceof HTMLInputElement && /checkbox|radio/.test(field.type);
    return make("span", { class: ticked ? "tick" : "field" }, ...(ticked ? [field, label] : [label, field]));
}

/**
 * A window over the page, which goes when it is closed; the focus returns to where it was.
 * @param {HTMLElement} page where it is put
 * @param {string} title
 * @param {string} kind a class
 * @param {...(Node | null)} children
 */
export function openDialog(page, title, kind, ...children) {
    const root = /** @type {ShadowRoot} */ (page.getRootNode());
    const before = /** @type {HTMLElement | null} */ (root.activeElement);
    const heading = make("h2", { id: `title-${++made}` }, title);
    const close = button("×", "Close (Escape)", () => dialog.close(), { class: "close", "aria-label": "Close" });
    const dialog = make(
        "dialog", { class: kind, "aria-labelledby": heading.id },
        make("header", {}, heading, close), ...children,
    );
    dialog.addEventListener("close", () => {
        dialog.remove();
        before?.focus({ preventScroll: true });
    });
    page.append(dialog);
    dialog.showModal();
    return dialog;
}

/**
 * A table of names and texts.
 * @param {string} title
 * @param {string[][]} rows
 */
export function table(title, rows) {
    return make(
        "table", {}, make("caption", {}, title),
        make("tbody", {}, ...rows.map(([name, text]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, text)))),
    );
}
