// @ts-check
/** Numbers and times as people read them. Pure. */

/** @param {number | null | undefined} value */
export function number(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e5 || size < 1e-3) return value.toExponential(1).replace("e+", "e");
    return String(Number(value.toPrecision(size >= 1000 ? 4 : 3)));
}

/** 12:05, or 1:02:05 from an hour on. @param {number | null | undefined} seconds */
export function clock(seconds) {
    if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
    const whole = Math.max(0, Math.round(seconds));
    const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
    const minutes = Math.floor(whole / 60) % 60;
    const hours = Math.floor(whole / 3600);
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** @param {number | null | undefined} bytes */
export function size(bytes) {
    if (!bytes) return "–";
    return bytes >= 2 ** 29 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** @param {number} steps in a second */
export function pace(steps) {
    if (!steps) return "–";
    return steps >= 1 ? `${number(steps)} steps/s` : `${number(1 / steps)} s/step`;
}

/** @param {number} seconds since 1970 @param {number} [now] */
export function when(seconds, now = Date.now() / 1000) {
    const ago = now - seconds;
    if (ago < 90) return "now";
    if (ago < 5400) return `${Math.round(ago / 60)} min ago`;
    if (ago < 86_400) return `${Math.round(ago / 3600)} h ago`;
    return new Date(seconds * 1000).toISOString().slice(0, 10);
}
