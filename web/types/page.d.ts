/**
 * What Atelier uses of ComfyUI's page: both 1.32 (ComfyUI 0.3.75) and 1.49 (0.33) have it.
 * The page's own modules lie beside /extensions, where `tsc` cannot find them.
 */

declare module "*/scripts/app.js" {
    export const app: App;

    interface App {
        canvas: Canvas;
        graph: Graph;
        /** The graph around all subgraphs; older pages call it `graph`. */
        rootGraph?: Graph;
        graphToPrompt(): Promise<{ output: Record<string, unknown>; workflow: unknown }>;
        loadGraphData(graph: unknown, clean?: boolean, view?: boolean, name?: string): Promise<void>;
        loadApiJson(prompt: unknown, name: string): Promise<void> | void;
        registerExtension(extension: Extension): void;
        /** Opens a workflow's file, as dropped on the canvas. */
        handleFile(file: File): Promise<void>;
        extensionManager: {
            toast: { add(message: Message): void };
            registerSidebarTab(tab: SidebarTab): void;
            workflow: { activeWorkflow: { changeTracker: ChangeTracker } | null };
            sidebarTab: { activeSidebarTabId: string | null; toggleSidebarTab(id: string): void };
        };
    }

    /** Steps of undo of a workflow; none is taken while `changeCount` is not 0. */
    interface ChangeTracker {
        changeCount: number;
        beforeChange(): void;
        afterChange(): void;
    }

    interface SidebarTab {
        id: string;
        icon: string;
        title: string;
        tooltip?: string;
        type: "custom";
        render(place: HTMLElement): void;
        destroy?(): void;
    }

    interface Message {
        severity: "info" | "success" | "warn" | "error";
        summary: string;
        detail: string;
        life?: number;
    }

    interface Extension {
        name: string;
        /** Once, when the page is there. */
        setup?(): void | Promise<void>;
        /** Which constructor makes the widget of an input of that type. */
        getCustomWidgets?(): Record<string, WidgetConstructor>;
        /** `definition` is as /object_info has it, and may be changed. */
        beforeRegisterNodeDef?(type: unknown, definition: NodeDefinition): void;
        nodeCreated?(node: Node): void;
        /** What can be done by name, key, or a button. */
        commands?: { id: string; icon: string; label: string; tooltip: string; function(): void }[];
        /** More for the menu of a node; null is a line between. */
        getNodeMenuItems?(node: Node): (MenuItem | null)[];
        /** Names of commands for the buttons over what is selected. */
        getSelectionToolboxCommands?(item: any): string[];
        /** The person asked for the lists of files anew. */
        refreshComboInNodes?(definitions: Record<string, NodeDefinition>): void;
    }

    interface MenuItem {
        content: string;
        callback?: () => void;
        has_submenu?: boolean;
        submenu?: { options: MenuItem[] };
    }

    type InputSpec = [string | unknown[], Record<string, unknown>?];
    type WidgetConstructor = (
        node: Node,
        name: string,
        spec: InputSpec,
    ) => { widget: Widget; minWidth?: number; minHeight?: number };

    interface NodeDefinition {
        name: string;
        input: { required?: Record<string, InputSpec>; optional?: Record<string, InputSpec> };
    }

    interface Canvas {
        graph: Graph | null;
        canvas: HTMLCanvasElement;
        selected_nodes: Record<string, Node>;
        processMouseWheel(event: WheelEvent): void;
        processMouseDown(event: PointerEvent): void;
        processMouseMove(event: PointerEvent): void;
        processMouseUp(event: PointerEvent): void;
    }

    interface Graph {
        nodes: Node[];
        setDirtyCanvas(foreground: boolean, background?: boolean): void;
    }

    interface Node {
        id: number | string;
        title: string;
        comfyClass?: string;
        size: [number, number];
        graph: Graph | null;
        widgets?: Widget[];
        properties: Record<string, unknown>;
        onRemoved?: () => void;
        computeSize(): [number, number];
        setSize(size: [number, number]): void;
        addWidget(
            type: string,
            name: string,
            value: unknown,
            callback: () => void,
            options?: Record<string, unknown>,
        ): Widget;
        addDOMWidget(
            name: string,
            type: string,
            element: HTMLElement,
            options: DOMWidgetOptions,
        ): Widget;
    }

    interface Widget {
        name: string;
        type: string;
        value: unknown;
        label?: string;
        tooltip?: string;
        serialize?: boolean;
        options?: Record<string, unknown>;
        callback?: (value: unknown) => void;
    }

    interface DOMWidgetOptions {
        getValue(): string;
        setValue(value: unknown): void;
        getMinHeight?(): number;
        hideOnZoom?: boolean;
        margin?: number;
        serialize?: boolean;
        selectOn?: string[];
    }
}

declare module "*/scripts/api.js" {
    export const api: {
        fetchApi(route: string, options?: RequestInit): Promise<Response>;
        apiURL(route: string): string;
        /** Raises where the server refuses the prompt. `number` 0: behind all that waits. */
        queuePrompt(number: number, prompt: { output: unknown; workflow: unknown }): Promise<unknown>;
        addEventListener(type: string, listener: (event: Event) => void): void;
        removeEventListener(type: string, listener: (event: Event) => void): void;
    };
}

declare const LiteGraph: { vueNodesMode?: boolean; NODE_TITLE_HEIGHT: number };
