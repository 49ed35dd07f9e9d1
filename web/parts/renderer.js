// @ts-check
/** Which of ComfyUI's two looks the page has. */

/** Whether nodes are elements of the page (Nodes 2.0), not drawn on the canvas. */
export function inElements() {
    return Boolean(LiteGraph.vueNodesMode);
}
