// A graph with subgraphs in one another, made as a person makes them: the first trains past a
// bypassed LoRA, and shows two widgets; the second saves, and shows one of its own and one of the
// first; it is there twice, with other values, once behind a bypassed subgraph.
async () => {
    app.graph.clear();
    const add = (type, x, y) => {
        const node = LiteGraph.createNode(type);
        node.pos = [x, y];
        app.graph.add(node);
        return node;
    };
    const set = (node, values) => {
        for (const [name, value] of Object.entries(values)) {
            const widget = node.widgets.find(one => one.name === name);
            if (!widget) throw new Error(`${node.type} has no ${name}`);
            widget.value = value;
            widget.callback?.(value);
        }
    };
    const wire = (from, out, to, name) => {
        const slot = to.inputs.findIndex(one => one.name === name);
        if (!from.connect(out, to, slot)) throw new Error(`${from.type} ${to.type} ${name}`);
    };
    const show = (host, node, name, as = name) => {
        const slot = node.getSlotFromWidget(node.widgets.find(one => one.name === name));
        host.subgraph.addInput(as, slot.type).connect(slot, node);
    };
    const inside = (host, test) => host.subgraph.nodes.find(test);
    const base = add("CheckpointLoaderSimple", 0, 0);
    const pictures = add("AtelierLoadDataset", 0, 300);
    const lora = add("LoraLoader", 400, 0);
    const pass = add("Reroute", 800, 0);
    const steps = add("PrimitiveNode", 400, 600);
    const train = add("AtelierTrainLora", 1000, 0);
    const save = add("AtelierSaveLora", 1500, 0);
    const silent = add("AtelierSaveLora", 1500, 300);
    const grid = add("AtelierEvaluationGrid", 2000, 0);
    wire(base, 0, lora, "model"); wire(base, 1, lora, "clip");
    wire(lora, 0, pass, ""); wire(pass, 0, train, "model"); wire(lora, 1, train, "clip");
    wire(base, 2, train, "vae"); wire(pictures, 0, train, "dataset");
    wire(steps, 0, train, "steps"); steps.widgets[0].value = 12;
    wire(train, 0, save, "lora"); wire(train, 2, save, "run");
    wire(train, 0, silent, "lora"); wire(train, 2, silent, "run");
    wire(base, 0, grid, "model"); wire(base, 1, grid, "clip"); wire(base, 2, grid, "vae");
    wire(train, 0, grid, "lora");
    set(pictures, { folder: "pictures" });
    set(train, { name: "inner", learning_rate: 0.002, rank: 4, seed: 7 });
    set(save, { filename_prefix: "a/b" });
    lora.mode = 4; silent.mode = 2;
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const inner = app.graph.convertToSubgraph(new Set([lora, pass, train])).node;
    show(inner, inside(inner, one => one.type === "AtelierTrainLora"), "rank");
    show(inner, inside(inner, one => one.type === "AtelierTrainLora"), "learning_rate", "rate");
    set(inner, { rank: 5, rate: 0.003 });
    const outer = app.graph.convertToSubgraph(new Set([inner, save, silent])).node;
    show(outer, inside(outer, one => one.subgraph), "rank");
    show(outer, inside(outer, one => one.type === "AtelierSaveLora" && one.mode === 0), "filename_prefix");
    set(outer, { rank: 6, filename_prefix: "first/lora" });
    outer.title = "First";
    // A bypassed subgraph on the way to a second one like it, with values of its own.
    const other = add("LoraLoaderModelOnly", 400, 1200);
    wire(base, 0, other, "model");
    const second = outer.clone();
    app.graph.add(second);
    second.pos = [1000, 1200]; second.title = "Second";
    const feeds = { model: [other, 0], clip: [base, 1], vae: [base, 2], dataset: [pictures, 0] };
    for (const [name, [from, out]] of Object.entries(feeds))
        if (second.inputs.some(one => one.name === name)) wire(from, out, second, name);
    set(second, { rank: 9, filename_prefix: "second/lora" });
    const around = app.graph.convertToSubgraph(new Set([other])).node;
    around.mode = 4;
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}
