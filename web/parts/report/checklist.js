// @ts-check
/**
 * The checklist of a report: kept with the run where ComfyUI serves the page, else in a file that
 * is downloaded and read back.
 */

/**
 * @typedef {{ answer: string, note: string }} Answer
 * @typedef {{ version: 1, run: string, answers: Record<string, Answer> }} Checklist
 */

const MOST = 1_000_000; // bytes of a file that is read

export function start() {
    const form = document.querySelector("form");
    if (!form) return;
    const kept = /^https?:$/.test(location.protocol) && /\/report$/.test(location.pathname);
    button(form, "save").hidden = !kept;
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        void save(form);
    });
    button(form, "download").addEventListener("click", () => download(form));
    const file = /** @type {HTMLInputElement} */ (form.querySelector("input[type=file]"));
    button(form, "import").addEventListener("click", () => file.click());
    file.addEventListener("change", () => void read(form, file));
    if (kept) void load(form);
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 */
function button(form, name) {
    return /** @type {HTMLButtonElement} */ (form.querySelector(`button[name=${name}]`));
}

/**
 * @param {HTMLFormElement} form
 * @param {string} text
 */
function tell(form, text) {
    const told = form.querySelector("[role=status]");
    if (told) told.textContent = text;
}

/** @param {HTMLFormElement} form */
function questions(form) {
    return [...form.querySelectorAll("fieldset")].map((set) => set.name);
}

/**
 * @param {HTMLFormElement} form
 * @returns {Checklist}
 */
function written(form) {
    const data = new FormData(form);
    const told = (/** @type {string} */ name) => String(data.get(name) ?? "");
    const answers = questions(form).map((name) => [
        name,
        { answer: told(name), note: told(`${name}-note`) },
    ]);
    return { version: 1, run: form.dataset.run ?? "", answers: Object.fromEntries(answers) };
}

/**
 * @param {HTMLFormElement} form
 * @param {any} list a checklist as somebody wrote it
 */
function fill(form, list) {
    for (const name of questions(form)) {
        const one = list?.answers?.[name];
        const { answer, note } = typeof one === "object" && one ? one : { answer: "", note: "" };
        for (const input of form.querySelectorAll("input")) {
            if (input.type === "radio" && input.name === name) input.checked = input.value === answer;
        }
        const area = form.elements.namedItem(`${name}-note`);
        if (area instanceof HTMLTextAreaElement) area.value = typeof note === "string" ? note : "";
    }
}

/** @param {HTMLFormElement} form */
async function load(form) {
    const answer = await fetch("checklist").catch(() => null);
    if (answer?.ok) fill(form, await answer.json());
    else tell(form, "What was answered before could not be read.");
}

/** @param {HTMLFormElement} form */
async function save(form) {
    const answer = await fetch("checklist", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(written(form)),
    }).catch(() => null);
    if (answer?.ok) return tell(form, "Kept with the run.");
    const said = await answer?.json().catch(() => null);
    tell(form, `Not kept: ${said?.error ?? "ComfyUI does not answer. Download the answers."}`);
}

/** @param {HTMLFormElement} form */
function download(form) {
    const text = `${JSON.stringify(written(form), null, 2)}\n`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `${form.dataset.run ?? "run"}-checklist.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    tell(form, "Downloaded. Import it into the report of this run on another machine.");
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 */
async function read(form, input) {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    try {
        if (file.size > MOST) throw new Error("it is too large");
        const list = JSON.parse(await file.text());
        if (list?.version !== 1 || typeof list.answers !== "object") throw new Error("it is none");
        fill(form, list);
        const other = list.run && list.run !== form.dataset.run ? ` It is that of the run ${list.run}.` : "";
        tell(form, `Read.${other}${button(form, "save").hidden ? "" : " Save it to keep it."}`);
    } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        tell(form, `${file.name} cannot be read as a checklist: ${why}.`);
    }
}
