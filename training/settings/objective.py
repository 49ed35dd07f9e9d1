"""What the network is asked, at which noise levels, and how its errors are counted."""

from typing import Literal

from pydantic import Field

from .group import ADDED, Group

Loss = Literal["mse", "huber", "l1"]
HuberSchedule = Literal["constant", "exponential", "snr"]
Weighting = Literal["none", "min_snr", "soft_min_snr", "debiased", "sigma_sqrt", "cosmap"]
TimestepSampling = Literal["auto", "uniform", "logit_normal", "mode"]
TimestepShift = Literal["model", "resolution", "none"]


class ObjectiveSettings(Group):
    loss: Loss = Field(
        default="mse",
        description="mse: the papers' loss. huber: forgives outliers, such as damaged pictures. "
        "l1: forgives them more.",
    )
    huber_delta: float = Field(
        default=0.1,
        gt=0,
        le=100,
        description="Where huber turns from square to line. Smaller forgives more (0.1 in kohya's "
        "scripts).",
    )
    huber_schedule: HuberSchedule = Field(
        default="constant",
        description="How huber's delta moves over the noise levels: constant; exponential or snr "
        "make it smaller where there is more noise (Khrapov 2024).",
    )
    weighting: Weighting = Field(
        default="none",
        description="How much each noise level counts. For eps and v models: min_snr (Hang et al. "
        "2023, usually faster), soft_min_snr (Crowson et al. 2024), debiased (Yu et al. 2023). For "
        "flow models: sigma_sqrt, cosmap (Esser et al. 2024).",
    )
    min_snr_gamma: float = Field(
        default=5.0, gt=0, le=1000, description="Gamma of min_snr and soft_min_snr. 5 in the paper."
    )
    timestep_sampling: TimestepSampling = Field(
        default="auto",
        description="Which noise levels are practised. auto: logit_normal for flow models (SD3, "
        "Flux, Qwen …), uniform for the others. mode: more of the middle (Esser et al. 2024).",
    )
    logit_mean: float = Field(
        default=0.0, ge=-10, le=10, description="Of logit_normal: above 0 practises more noise."
    )
    logit_std: float = Field(
        default=1.0, gt=0, le=10, description="Of logit_normal: smaller keeps to the middle."
    )
    mode_scale: float = Field(
        default=1.29,
        ge=-1,
        le=1.75,
        description="Of mode: how strongly it leans to the middle (1.29 in the paper); below 0, to "
        "the ends.",
    )
    timestep_shift: TimestepShift = Field(
        default="model",
        description="For flow models: model keeps the shift that the wired MODEL samples with; "
        "resolution shifts towards noise with the number of latent pixels (Flux's line); none does "
        "not shift.",
    )
    timestep_min: float = Field(
        default=0.0, ge=0, lt=1, description="Lowest time practised; 0 is the clean picture."
    )
    timestep_max: float = Field(
        default=1.0, gt=0, le=1, description="Highest time practised; 1 is pure noise."
    )
    timestep_spread: bool = Field(
        default=False,
        json_schema_extra=ADDED,
        description="Spread the noise levels evenly over their distribution, within a batch and "
        "from step to step, instead of drawing each alone (Kingma et al. 2021). Meant for small "
        "batches and short runs; no gain was measured yet.",
    )
    noise_offset: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Noise that is the same over the whole picture, so that an eps model learns "
        "dark and bright ones. 0.05 to 0.1 if at all (Guttenberg 2023). Not for flow models.",
    )
    multires_noise: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Layers of coarse noise that are added: pyramid noise (Whitaker 2023). 6 to 10 "
        "if at all. Not for flow models.",
    )
    multires_discount: float = Field(
        default=0.3, gt=0, le=1, description="How much weaker each coarser layer of noise is."
    )
    input_perturbation: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Extra noise on the network's input that the target does not know of, against "
        "exposure bias (Ning et al. 2023: 0.1).",
    )
    guidance: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="For models that are told a guidance (Flux.1 dev, Flux.2 dev): the one they "
        "are trained at. 1 is right for them in pictures as they are (kohya's and ai-toolkit's).",
    )
    prior_weight: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="How much the class pictures count beside the training pictures, when some are "
        "wired.",
    )
    prior_target: Literal["pictures", "base"] = Field(
        default="pictures",
        description="What is kept on the class pictures: what they show (DreamBooth), or what the "
        "base itself predicts for them, which keeps it nearer to what it was.",
    )
