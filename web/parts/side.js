// @ts-check
/** A page of ours as a tab of ComfyUI's side bar. */

import { app } from "../../../scripts/app.js";

/**
 * @typedef {object} Page
 * @property {HTMLElement} element a dialog where the page can be opened wide
 * @property {() => void} [left] when the tab is left
 */

/** @template {Page} P */
export class SideTab {
    /**
     * @param {object} what
     * @param {string} what.id
     * @param {string} what.icon
     * @param {string} what.title
     * @param {string} what.tooltip
     * @param {string} what.host a class for its element, which holds the page in a shadow root
     * @param {string[]} what.styles addresses, relative to this folder
     * @param {() => P} what.make
     * @param {(page: P) => void} [what.shown] when the tab is opened
     */
    constructor(what) {
        this.what = what;
        /** @type {{ host: HTMLElement, page: P } | null} one for all, which outlives the tab */
        this._made = null;
        this._asked = false; // for something of its own, by `open`
    }

    get page() {
        return this._one().page;
    }

    _one() {
        if (this._made) return this._made;
        const host = document.createElement("div");
        host.className = this.what.host;
        host.style.cssText = "display: block; height: 100%; min-height: 0; flex: 1 1 0;";
        // ComfyUI hears Ctrl+Z before any element does, and lets be who says that it is a text field.
        /** @type {any} */ (host).type = "textarea";
        const root = host.attachShadow({ mode: "open" });
        const page = this.what.make();
        const styles = this.what.styles.map((name) => {
            const style = document.createElement("link");
            style.rel = "stylesheet";
            style.href = new URL(name, import.meta.url).href;
            return style;
        });
        root.append(...styles, page.element);
        for (const kind of ["keydown", "keypress", "copy", "cut", "paste"]) {
            root.addEventListener(kind, (event) => keepOwn(/** @type {any} */ (event)));
        }
        this._made = { host, page };
        return this._made;
    }

    add() {
        app.extensionManager.registerSidebarTab({
            id: this.what.id,
            icon: this.what.icon,
            title: this.what.title,
            tooltip: this.what.tooltip,
            type: "custom",
            /** @param {HTMLElement} place */
            render: (place) => {
                const { host, page } = this._one();
                place.style.height = "100%";
                place.replaceChildren(host);
                if (page.element instanceof HTMLDialogElement && !page.element.open) page.element.show();
                if (!this._asked) this.what.shown?.(page);
                this._asked = false;
            },
            destroy: () => {
                this._made?.page.left?.();
                this._made?.host.remove();
            },
        });
    }

    /** Show the tab. @returns {P} */
    open() {
        const { sidebarTab } = app.extensionManager;
        if (sidebarTab.activeSidebarTabId !== this.what.id) {
            this._asked = true;
            sidebarTab.toggleSidebarTab(this.what.id);
        }
        return this.page;
    }
}

/**
 * Keys without Ctrl, and what a text field does with it, are not for the canvas.
 * @param {KeyboardEvent} event
 */
function keepOwn(event) {
    const control = (event.ctrlKey || event.metaKey) && !/^[acvxyz]$/i.test(event.key ?? "");
    if (!control) event.stopPropagation();
}

/**
 * A button on a node that is no value of the workflow.
 * @param {any} node
 * @param {string} text
 * @param {string} tooltip
 * @param {() => void} act
 */
export function addButton(node, text, tooltip, act) {
    const button = node.addWidget("button", text, null, act, { serialize: false });
    button.serialize = false;
    button.tooltip = tooltip;
}

/**
 * @param {any} node
 * @param {string} name
 * @returns {any} what a widget of a node holds
 */
export function valueOf(node, name) {
    return node.widgets?.find((/** @type {any} */ one) => one.name === name)?.value;
}
