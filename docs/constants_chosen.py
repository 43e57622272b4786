"""What is known of the numbers in the code: what chose them, and which of them change no result."""

TABLE = "the table above"
PAPER = "as published"
IDENTITY = "follows from its definition"
KEPT_NO_ROWS = "validation samples; rows not kept"

# By module, and there by name. Nobody has compared values of what is named in neither list: "not measured".
CHOSEN = {
    "methods/budget.py": {"AIM": "d3ip, 4 slices of 128 pixels; in the code"},
    "methods/classical/chambolle_pock.py": {
        "RELAXATION": "any under 2 converges; not measured",
        "BALANCE, LEAST_BALANCE": TABLE,
        "GRADIENT": TABLE,
    },
    "methods/classical/dtv.py": {"ETAS": KEPT_NO_ROWS, "GAMMAS": KEPT_NO_ROWS, "RELATIVE": KEPT_NO_ROWS},
    "methods/classical/mbir.py": {"TRIAL": "within 0.05 dB of 80 steps; rows not kept"},
    "methods/classical/qggmrf.py": {"NEAR, DIAGONAL": "as in svmbir"},
    "methods/classical/tv.py": {"TRIAL": "simulated samples; rows not kept"},
    "methods/diffusion/field_step.py": {"SHARE": "validation samples, docs/dinr.md"},
    "methods/diffusion/guide_rejection.py": {"ALLOWED": TABLE, "GAIN, MOST": TABLE},
    "methods/diffusion/multiresolution.py": {
        "REPEATED, AGAIN": "2 validation microstructures of 320 pixels, 1 of 640; in the code"
    },
    "methods/diffusion/open_settings.py": {"TRUSTS": "docs/settings-search.md"},
    "methods/diffusion/posterior_variance.py": {
        "DRAWS": "the statistics of a variance",
        "FEWEST": "the statistics of a variance",
    },
    "methods/diffusion/schedule.py": {
        "LOWEST": "0.02 to 0.1 were equally good; rows not kept",
        "TIMES": PAPER,
    },
    "methods/ensemble/members.py": {"FINE_TUNED": "foams and grains; rows not kept"},
    "methods/ensemble/stacking.py": {"LEAST": TABLE},
    "methods/inverse/gaussian.py": {"LEAST, MOST": "rounding of float32"},
    "methods/inverse/masking.py": {"SIGNIFICANT": "as in svmbir"},
    "methods/inverse/window.py": {"MARGIN": "a measured tooth, 32 and 48 pixels; in the code"},
    "methods/fields/hashed.py": {"PRIMES": PAPER},
    "methods/fields/siren.py": {"OMEGA": PAPER},
    "methods/fields/voxelise.py": {"CUT": "the tail of a Gaussian that is left out"},
    "methods/latent/aligned.py": {"VIEWS": "its training"},
    "methods/latent/graininess.py": {
        "SIDE": "the size of its validation samples",
        "ERROR": "30 validation samples, checked on 20 others; rows not kept",
    },
    "methods/latent/method.py": {"SLACK": "ten validation torsos; in the code"},
    "methods/latent/space.py": {"FIRST": "the last level of its training"},
    "methods/repair/pseudo_reference.py": {"ALONG_Z, PENALTY, SWEEPS": "9 validation volumes, docs/diffnr.md"},
    "methods/selection/coarse.py": {"FINER": "noise of a back-projection"},
    "methods/selection/comparison.py": {
        "ENOUGH": TABLE,
        "CONFIDENCE": "a convention",
        "ONE_STANDARD_ERROR": "one standard error of a normal distribution",
        "ON_AVERAGE": IDENTITY,
    },
    "methods/supervised/finetune.py": {
        "HIDDEN": "earlier validation cases of 128 pixels; rows not kept",
        "ENOUGH": "16 validation cases of 128 pixels (`benchmarks/unrolled_choices.py`)",
    },
    "methods/supervised/guide_again.py": {
        "REACHED": "3 microstructures of 128 pixels beside the benchmark; in the code"
    },
    "methods/supervised/posterior.py": {
        "HIGHEST, LOWEST": "its training",
        "SIDE": "the size of the validation samples of a card",
    },
    "methods/supervised/unrolled_xray.py": {"LEAST_GAIN": "76 validation measurements of 64 pixels; in the code"},
    "prepare/axis.py": dict.fromkeys(
        ("_TRUNCATED", "_LOWEST", "_EMPTY", "_DEPTH", "_SPREAD", "_TRUNCATION_ERROR"),
        "simulated scans, checked on measured ones; rows not kept",
    ),
    "prepare/axis_fan.py": {"_STEPS, _MORE": "simulated scans; rows not kept"},
    "prepare/outlying.py": dict.fromkeys(
        ("BRIGHT", "DARK", "AROUND", "MIDDLE", "WHOLE", "STUCK"),
        "sound and faulty detectors, simulated, and the measured scans of docs/data.md; rows not kept",
    ),
    "prepare/sinogram.py": {"_NORMAL_MAD": IDENTITY},
    "prepare/stripes.py": {"_TOMOPY": "the sinogram of a tooth; in the code"},
    "prepare/zingers.py": {"SIZE": IDENTITY},
    "quality/coverage.py": {"QUANTILE": IDENTITY},
    "quality/metrics.py": {"SSIM_SIGMA": PAPER, "SSIM_REACH": PAPER, "SSIM_MINIMUM": "a convention"},
    "quality/regions.py": {"SCALES": PAPER},
    "quality/sharpness.py": {"MAD": IDENTITY},
    "registration/quality.py": {"LEAST_DISTINCTION": TABLE, "MOST_DISAGREEMENT": TABLE},
    "registration/search.py": {"SMALL": "simulated samples, 32 and 64 voxels; rows not kept"},
}

# By reason and module. What is named here is no row of the page.
NO_RESULT = {
    "work between two looks at the stop flag": {
        "methods/classical/fbp.py": ["SLICES"],
        "methods/external/astra.py": ["CHUNK"],
        "methods/fields/voxelise.py": ["PIECE", "PLANES"],
        "methods/latent/space.py": ["TOGETHER"],
        "methods/repair/unrolled_fixer.py": ["ALL"],
    },
    "sizes of batches and blocks, set by time and memory": {
        "methods/diffusion/denoiser.py": ["PIXELS", "MOST"],
        "methods/fields/splat.py": ["VALUES"],
        "methods/inverse/gaussian.py": ["SHARED, APART", "TOGETHER", "HALVINGS"],
        "methods/slices.py": ["TOGETHER"],
        "prepare/chain.py": ["_BLOCK"],
        "registration/transform.py": ["_SLAB"],
    },
    "forecasts of time and memory": {
        "methods/diffusion/compose.py": ["NETWORK", "GRADIENT"],
        "methods/diffusion/denoiser.py": ["ACTIVATIONS, ADAPTING", "WEIGHTS"],
        "methods/diffusion/samplers/methods.py": ["GRADIENT"],
        "methods/diffusion/settings_search.py": ["CLASSICAL"],
        "methods/ensemble/ensemble.py": ["OWN"],
        "methods/fields/cost.py": ["PYRAMID, GAUSSIANS, SINES", "FORWARD"],
        "methods/fields/methods.py": [
            "LATTICE, SINOGRAMS",
            "FITTING",
            "COPIES",
            "NUMBERS",
            "_PYRAMID",
            "OCCUPIED",
            "PASSING",
        ],
        "methods/inverse/gaussian.py": ["FINDING"],
        "methods/latent/method.py": ["NETWORKS"],
        "methods/repair/fixer_cost.py": ["VOLUMES", "UNROLLED_VOLUMES", "COMPACT", "WORK", "USUAL"],
        "methods/selection/weight_search.py": ["USUAL"],
        "methods/stages.py": ["PIXELS"],
        "methods/supervised/finetune.py": ["TUNING_BYTES"],
        "methods/supervised/postnet.py": ["NETWORK"],
        "methods/supervised/unrolled.py": ["BUFFERS, COPIED", "LOADING, LARGER"],
    },
    "what is shown on the way": {
        "methods/latent/method.py": ["SHOWN"],
        "methods/selection/picture.py": ["AT_FIRST", "PATIENCE"],
    },
    "which random numbers are drawn": {
        "methods/diffusion/solve.py": ["VARIANCE"],
        "methods/selection/held_out.py": ["APART"],
    },
    "defaults of options, which `fewview methods --json` lists": {
        "methods/diffusion/methods.py": ["_PUBLISHED", "_OURS", "_SCD"],
    },
    "the shape of shipped weights": {"methods/supervised/xray_reading.py": ["IMAGES"]},
}
