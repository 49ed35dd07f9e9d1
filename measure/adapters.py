"""Does every kind of adapter learn? The test of `learning`, for each of them."""

from collections.abc import Iterable

from ..demo import engine
from ..demo.world import prompts
from .learning import SEEDS, SETTINGS, count, load_base, train
from .report import Report, Value

# LoHa and LoKr start smaller and are scaled down more: they want a higher rate.
KINDS = {
    "lora": {"adapter": "lora"},
    "rslora": {"adapter": "lora", "rank_stabilized": True, "learning_rate": 1e-3},
    "dora": {"adapter": "dora"},
    "loha": {"adapter": "loha", "learning_rate": 2e-2},
    "lokr": {"adapter": "lokr", "learning_rate": 2e-2},
}


def measure(quick: bool, kinds: Iterable[str] = KINDS) -> Report:
    engine.start()
    n = 8 if quick else 16
    with_hat = prompts(n, seed=2, ask=4, extra={"hat": "yes"})
    without_hat = prompts(n, seed=3, ask=4)
    base = load_base()
    plain = count(base, None, with_hat)
    rows: list[dict[str, Value]] = []
    figures: dict[str, Value] = {"without": round(plain.hats, 4), "n": n * len(SEEDS)}
    for name in kinds:
        settings = KINDS[name]
        alone = train(base, f"measure-{name}", class_pictures=False, **settings)
        beside = train(base, f"measure-{name}-class", class_pictures=True, **settings)
        asked = count(base, beside, with_hat)
        leak = count(base, alone, without_hat).hats
        kept_back = count(base, beside, without_hat).hats
        rows.append(
            {
                "adapter": name,
                "parameters": sum(t.numel() for k, t in beside.items() if "alpha" not in k),
                "hats asked": f"{asked.hats:.1%}",
                "other attributes kept": f"{asked.kept:.1%}",
                "unasked": f"{leak:.1%}",
                "unasked, with class pictures": f"{kept_back:.1%}",
            }
        )
        figures |= {
            f"{name}_with": round(asked.hats, 4),
            f"{name}_kept": round(asked.kept, 4),
            f"{name}_leak": round(leak, 4),
            f"{name}_leak_with_class_pictures": round(kept_back, 4),
        }
    notes = (
        f"{n} prompts of unseen combinations x {len(SEEDS)} seeds; the base alone shows "
        f"{plain.hats:.1%} hats. `hats asked` and `kept`: trained with class pictures. Settings: "
        f"{SETTINGS}, and for each kind {KINDS}."
    )
    return Report(figures, rows, notes)
