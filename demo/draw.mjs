// Draws pixel portraits (DiceBear, style "Pixel Art": art CC0 1.0 by DiceBear) with exact attributes.
//
// Standard input: JSON list of {seed, hair, length, skin, clothes, background, glasses, mood, hat} and, for one
// hat that is always the same, {hatShape, hatColour}.
// Standard output: JSON list of {svg, extra}, `extra` being the drawing's own account of itself.
// The packages are looked for under $ATELIER_PARTS; draw.py installs them there.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const parts = process.env.ATELIER_PARTS ?? ".";
const load = (name) =>
  import(pathToFileURL(join(parts, "node_modules", "@dicebear", name, "lib", "index.js")).href);
const { createAvatar } = await load("core");
const style = await load("pixel-art");

const COLOURS = {
  hair: {
    blonde: "e2b226", brown: "5e3614", black: "17151a", red: "bd1700",
    blue: "0086c8", green: "62b015", pink: "ee4f9b",
  },
  skin: { pale: "ffdbac", tan: "c68a4e", dark: "7a4520" },
  clothes: {
    red: "d11141", blue: "1f5fc4", green: "00964a", yellow: "ffcb1f", purple: "8238b0",
    white: "f4f4f4",
  },
  background: {
    blue: "9fcdf2", green: "aee0b2", yellow: "fff0a6", pink: "fbc0d8", grey: "b9bdc4",
    orange: "f9b87a",
  },
};
const SHAPES = {
  length: {
    short: ["short01", "short06", "short14", "short15", "short16", "short17", "short22"],
    long: ["long01", "long03", "long07", "long09", "long12", "long13", "long20", "long21"],
  },
  glasses: {
    none: ["light05"],
    glasses: ["light02", "light05", "light06", "light07"],
    sunglasses: ["dark02", "dark05", "dark06", "dark07"],
  },
  mood: { happy: ["happy09", "happy12"], sad: ["sad01"] },
};
const CLOTHING = ["03", "04", "05", "08", "11", "12", "14", "17", "23"];
const FRAMES = { none: ["4b4b4b"], glasses: ["a04b5d", "43677d"], sunglasses: ["15151c"] };

const drawings = JSON.parse(readFileSync(0, "utf8")).map((asked) => {
  const options = {
    seed: asked.seed,
    size: 128,
    hair: SHAPES.length[asked.length],
    hairColor: [COLOURS.hair[asked.hair]],
    skinColor: [COLOURS.skin[asked.skin]],
    clothing: CLOTHING.map((number) => `variant${number}`),
    clothingColor: [COLOURS.clothes[asked.clothes]],
    backgroundColor: [COLOURS.background[asked.background]],
    glasses: SHAPES.glasses[asked.glasses],
    glassesColor: FRAMES[asked.glasses],
    glassesProbability: asked.glasses === "none" ? 0 : 100,
    mouth: SHAPES.mood[asked.mood],
    mouthColor: ["de0f0d", "c2303a"],
    eyes: ["variant01", "variant07", "variant09"],
    ...(asked.hatShape ? { hat: [asked.hatShape], hatColor: [asked.hatColour] } : {}),
    hatProbability: asked.hat === "yes" ? 100 : 0,
    beardProbability: 0,
    accessoriesProbability: 0,
  };
  const avatar = createAvatar(style, options);
  const extra = avatar.toJson().extra;
  const wrong =
    !options.hair.includes(extra.hair) ||
    extra.hairColor !== `#${options.hairColor[0]}` ||
    extra.skinColor !== `#${options.skinColor[0]}` ||
    extra.clothingColor !== `#${options.clothingColor[0]}` ||
    !options.mouth.includes(extra.mouth) ||
    Boolean(extra.glasses) !== (asked.glasses !== "none") ||
    Boolean(extra.hat) !== (asked.hat === "yes");
  if (wrong) throw new Error(`asked ${JSON.stringify(asked)}, drawn ${JSON.stringify(extra)}`);
  return { svg: avatar.toString(), extra };
});
process.stdout.write(JSON.stringify(drawings));
