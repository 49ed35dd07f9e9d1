// @ts-check
/** Boxes that float over the page beside an element, not scaled or cut off with their node. */

const GAP = 4;

/**
 * Put `box` under `anchor`, or over it where there is more room.
 * @param {HTMLElement} box
 * @param {HTMLElement} anchor
 */
export function placeUnder(box, anchor) {
    if (!box.isConnected) document.body.append(box);
    const { left, top, bottom } = anchor.getBoundingClientRect();
    const under = innerHeight - bottom - 2 * GAP;
    const over = top - 2 * GAP;
    const up = under < Math.min(box.scrollHeight, 280) && over > under;
    box.style.maxHeight = `${Math.max(120, up ? over : under)}px`;
    box.style.left = `${inside(left, box.offsetWidth, innerWidth)}px`;
    box.style.top = up ? "" : `${bottom + GAP}px`;
    box.style.bottom = up ? `${innerHeight - top + GAP}px` : "";
}

/**
 * Put `box` at the side of `anchor` that has room.
 * @param {HTMLElement} box
 * @param {HTMLElement} anchor
 */
export function placeBeside(box, anchor) {
    if (!box.isConnected) document.body.append(box);
    const { left, right, top } = anchor.getBoundingClientRect();
    const fits = right + GAP + box.offsetWidth <= innerWidth;
    const place = fits ? right + GAP : left - GAP - box.offsetWidth;
    box.style.left = `${inside(place, box.offsetWidth, innerWidth)}px`;
    box.style.top = `${inside(top, box.offsetHeight, innerHeight)}px`;
}

/**
 * @param {number} start
 * @param {number} length
 * @param {number} room
 */
function inside(start, length, room) {
    return Math.max(GAP, Math.min(start, room - length - GAP));
}
