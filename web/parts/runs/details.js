// @ts-check
/** What is known of the runs that are looked at: curves, samples, and in what they differ. */

import { button, labelled, make } from "../dom.js";
import { Chart, swatch } from "./chart.js";
import { follow } from "./feed.js";
import { differing } from "./query.js";
import { Samples } from "./samples.js";
import { ask, path } from "./server.js";
import { clock, number, size } from "./words.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./feed.js").Followed} Followed */

const METRICS = /** @type {const} */ ({
    smooth: "Loss", held_out: "Held-out loss", learning_rate: "Learning rate", grad_norm: "Gradient norm", speed: "Steps per second", memory: "Memory",
});

export class Details {
    /** @param {Store} store @param {import("./page.js").Actions} actions */
    constructor(store, actions) {
        this.store = store;
        /** @type {Map<string, { leave: () => void, run: Followed | null, about: any }>} */
        this._known = new Map();
        this.chart = new Chart("Loss");
        this.metric = make("select", {}, ...Object.entries(METRICS).map(([value, text]) => make("option", { value }, text)));
        this.metric.addEventListener("change", () => this.draw());
        const log = make("input", { type: "checkbox" });
        log.addEventListener("change", () => {
            this.chart.log = log.checked;
            this.chart.draw();
        });
        this.heading = make("h2", {});
        this.facts = make("p", { class: "note" });
        this.wrong = make("p", { class: "bad", role: "status" });
        this.open = button("Open graph", "Open the graph that the run was queued with (O). Or drag the run onto the canvas.", () => actions.open());
        this.archive = button("Archive", "Out of the list, and back (A). Nothing is moved.", () => actions.archive());
        this.buttons = make("div", { class: "bar", role: "toolbar", "aria-label": "This run" }, this.open,
            button("Rename", "Give it a title (R). The folder keeps its name, by which graphs find it.", () => actions.rename()),
            button("Tags", "Words to find it by (T)", () => actions.tag()), this.archive,
            button("Delete", "Into the trash (Delete): Ctrl+Z brings it back", () => actions.remove()));
        this.legend = make("div", { class: "legend" });
        this.samples = new Samples();
        this.table = make("table", { class: "differ" });
        this._said = "";
        this.element = make("div", { class: "details" },
            make("section", { class: "about", "aria-label": "This run" }, this.heading, this.facts, this.wrong, this.buttons),
            make("section", { class: "curves", "aria-label": "Curves" },
                make("div", { class: "bar" }, labelled("Curve", this.metric), labelled("Log scale", log)), this.chart.element, this.legend),
            this.samples.element, this.table);
        store.addEventListener("chosen", () => this.follow());
        store.addEventListener("current", () => this.head());
        store.addEventListener("shown", () => {
            this.head();
            for (const [name, known] of this._known) this._ask(name, known);
        });
    }

    head() {
        const row = this.store.of(this.store.current);
        this.element.hidden = !row;
        if (!row) return;
        const plan = this._known.get(row.name)?.about?.plan;
        const parts = [`step ${row.step} of ${row.steps}`, row.state, row.title === row.name ? "" : `folder ${row.name}`,
            row.seconds ? `${clock(row.seconds)} of training` : "", row.continues ? `goes on from ${row.continues}` : "",
            plan ? `a step keeps ${size(plan.recompute ? plan.step_recomputed : plan.step)}` : ""];
        if (this.heading.textContent !== row.title) this.heading.textContent = row.title;
        this.facts.textContent = parts.filter(Boolean).join(" · ");
        this.wrong.textContent = row.error;
        this.open.disabled = !row.graph;
        this.archive.textContent = row.archived ? "Take back" : "Archive";
    }

    /** Know the curves and samples of what is looked at, and no others. */
    follow() {
        const names = new Set(this.store.drawn.map(({ row }) => row.name));
        for (const [name, { leave }] of [...this._known]) {
            if (names.has(name)) continue;
            leave();
            this._known.delete(name);
        }
        for (const name of names) {
            if (this._known.has(name)) continue;
            const known = { leave: () => {}, run: /** @type {Followed | null} */ (null), about: null, stamp: "" };
            this._known.set(name, known);
            known.leave = follow(name, (run) => {
                known.run = run;
                this.draw();
            });
            this._ask(name, known);
        }
        this.draw();
        this.drawSamples();
    }

    /**
     * Samples and plan, anew where there may be more.
     * @param {string} name @param {any} known
     */
    _ask(name, known) {
        const row = this.store.of(name);
        const every = row?.config.sample_every || 50;
        const stamp = `${Math.floor((row?.step ?? 0) / every)} ${row?.state} ${known.run?.telling?.note ?? ""}`;
        if (stamp === known.stamp) return;
        known.stamp = stamp;
        void ask(path(name, "/about")).then(
            (about) => {
                known.about = about;
                this.drawSamples();
                this.head();
            },
            () => {},
        );
    }

    draw() {
        const key = /** @type {keyof typeof METRICS} */ (this.metric.value);
        const { drawn } = this.store;
        this.chart.element.setAttribute("aria-label", METRICS[key]);
        this.chart.show(drawn.flatMap(({ row, colour }) => {
            const series = this._known.get(row.name)?.run?.curves.series ?? {};
            const line = series[key] ?? [[], []];
            const raw = key === "smooth" && drawn.length === 1 ? [{ label: "", colour, line: series.loss ?? [[], []], faint: true }] : [];
            const held = key === "smooth" && drawn.length === 1 && series.held_out ? [{ label: "held-out", colour, line: series.held_out, dashed: true }] : [];
            return [...raw, { label: row.title, colour, line }, ...held];
        }));
        this.legend.replaceChildren(...drawn.map(({ row, colour }) => {
            const value = this._known.get(row.name)?.run?.curves.last(key) ?? null;
            return make("span", {}, swatch(colour), `${row.title} ${number(value)}`);
        }));
        this._differ();
    }

    drawSamples() {
        this.samples.show(this.store.drawn.map(({ row, colour }) => {
            const about = this._known.get(row.name)?.about;
            return { title: row.title, colour, prompts: about?.prompts ?? [], samples: about?.samples ?? [] };
        }));
    }

    /** In what settings the runs differ; of one, what is not the default. */
    _differ() {
        const { store } = this;
        const rows = store.drawn.map(({ row }) => row);
        const alone = rows.length === 1;
        const found = alone
            ? Object.entries(rows[0].config).map(([key, value]) => /** @type {[string, any[]]} */ ([key, [value]]))
            : differing(rows, store.defaults);
        const said = JSON.stringify([rows.map(({ title }) => title), found]);
        if (this._said === said) return;
        this._said = said;
        this.table.hidden = !found.length;
        const text = (/** @type {any} */ value) => (typeof value === "string" ? value : JSON.stringify(value));
        this.table.replaceChildren(
            make("caption", {}, alone ? "Settings that are not the defaults" : "Settings that differ"),
            make("tr", {}, make("th", { scope: "col" }, "Setting"), ...rows.map(({ title }) => make("th", { scope: "col" }, alone ? "Value" : title))),
            ...found.map(([key, values]) => make("tr", {}, make("th", { scope: "row" }, key), ...values.map((value) => make("td", {}, text(value))))),
        );
    }
}
