// @ts-check
/** Elements of drawings. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} kind
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
export function part(kind, attributes, ...children) {
    const element = document.createElementNS(SVG, kind);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    element.append(...children);
    return element;
}
