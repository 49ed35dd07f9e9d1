// @ts-check
/** Small numbers in Nodes 2.0, whose field shows three places unless it is told: 0.0001 would be 0. */

const PLACES = 9; // to which the server keeps what is typed (nodes/fields.py)

/**
 * @param {any} node
 */
export function showSmallNumbers(node) {
    for (const widget of node.widgets ?? []) {
        if (widget.options?.precision > 3) widget.options.maxFractionDigits = PLACES;
    }
}
