/**
 * What Atelier uses of ComfyUI's page: both 1.32 (ComfyUI 0.3.75) and 1.49 (0.33) have it.
 * The page's own modules lie beside /extensions, where `tsc` cannot find them.
 */

declare module "*/scripts/app.js" {
    export const app: App;

    interface App {
        canvas: Canvas;
        graph: Graph;
        registerExtension(extension: Extension): void;
        /** Opens a workflow's file, as dropped on the canvas. */
        handleFile(file: File): Promise<void>;
        extensionManager: {
            toast: { add(message: Message): void };
            registerSidebarTab(tab: SidebarTab): void;
            sidebarTab: { activeSidebarTabId: string | null; toggleSidebarTab(id: string): void };
        };
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
        /** The person asked for the lists of files anew. */
        refreshComboInNodes?(definitions: Record<string, NodeDefinition>): void;
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
        emitBeforeChange(): void;
        emitAfterChange(): void;
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
        addEventListener(type: string, listener: (event: Event) => void): void;
        removeEventListener(type: string, listener: (event: Event) => void): void;
    };
}

declare const LiteGraph: { vueNodesMode?: boolean };
