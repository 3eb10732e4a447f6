"""Which conditions a robustness sweep asks for: names, severities and presets, as texts, to conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imlbench import registry
from imlbench.errors import UserError, one_line
from imlbench.perturb import CLEAN, Condition, Perturbation, Target

PRESETS: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "sigma": {
        "jpeg": (100, 90, 80, 70, 60, 50),
        "noise": (5, 10, 15, 20, 25),
        "blur": (3, 5, 7, 9, 11, 13),
    },
    "benco": {
        "jpeg": (100, 90, 80, 70, 60, 50),
        "noise": (3, 7, 11, 15, 19, 23),
        "blur": (3, 7, 11, 15, 19, 23),
    },
}
"""Axes and severities by preset: the kinds that the SIGMA paper names, with severities of our own where its text gives
none; IMDL-BenCo's defaults, whose noise levels are variances."""


@dataclass(frozen=True, slots=True)
class Severities:
    """Severities that were asked for.

    Attributes:
        plain: for every perturbation that is not named.
        named: by perturbation.
    """

    plain: tuple[float, ...]
    named: Mapping[str, tuple[float, ...]]


def sweep_conditions(
    perturb: Sequence[str],
    severity: Sequence[str] = (),
    preset: str | None = None,
    target: Target = "edited",
    clean: bool = True,
) -> list[Condition]:
    """The conditions of a sweep: clean first, then axis by axis.

    Args:
        perturb: registered names or globs; none = the preset's.
        severity: "90", "90,70" for all axes, "jpeg=90,70" for one; none = the preset's, or else the usual ones.
        preset: a name of `PRESETS`.
        target: the image that is perturbed.
        clean: whether the unperturbed condition is one of them.

    Raises:
        UserError: an unknown name, a severity that its perturbation does not accept, or nothing to do.
    """
    if preset is not None and severity:
        raise UserError("--preset and --severity: give one, a preset already says which severities")
    axes = load_axes(perturb or preset_axes(preset))
    asked = preset_severities(preset, axes) if preset is not None else read_severities(severity)
    strangers = sorted(set(asked.named) - set(axes))
    if strangers:
        raise UserError(f"--severity: {one_line(strangers[0], 80)!r} is not perturbed; perturbed: {', '.join(axes)}")
    unnamed = [axis for axis in axes if axis not in asked.named]
    if asked.plain and not unnamed:
        raise UserError(f"--severity {asked.plain[0]:g}: every perturbation has severities of its own already")
    conditions = [CLEAN] if clean else []
    for name, axis in axes.items():
        levels = asked.named.get(name) or asked.plain or axis.severities
        by_name = name in asked.named or len(unnamed) == 1
        conditions += [make_condition(axis, level, target, by_name) for level in dict.fromkeys(levels)]
    return conditions


def make_condition(axis: Perturbation, severity: float, target: Target, by_name: bool) -> Condition:
    """One condition; a severity that was meant for several axes says how to name one.

    Raises:
        UserError: the perturbation refuses the severity.
    """
    try:
        return Condition(axis, severity, target)
    except UserError as error:
        if by_name:
            raise
        hint = f"name the perturbation a severity is for, as in --severity {axis.card.name}={axis.severities[0]:g}"
        raise UserError(f"{error}; {hint}") from error


def load_axes(names: Sequence[str]) -> dict[str, Perturbation]:
    """Perturbations by name, each one object.

    Raises:
        UserError: an unknown name, or something registered that is no perturbation or cannot be built.
    """
    axes: dict[str, Perturbation] = {}
    for entry in registry.match("perturbations", names):
        kind = entry.load()
        if not (isinstance(kind, type) and issubclass(kind, Perturbation)):
            owner = f"{entry.name} (registered by {entry.package} as {entry.target})"
            raise UserError(f"{owner}: expected a subclass of imlbench.perturb.Perturbation")
        try:
            axes[entry.name] = kind()
        except Exception as error:
            # A third party's constructor may raise anything; nothing can be perturbed without it.
            reason = one_line(f"{type(error).__name__}: {error}", 200)
            raise UserError(f"{entry.name} (registered by {entry.package}) cannot be built: {reason}") from error
    return axes


def preset_axes(preset: str | None) -> list[str]:
    """The perturbations of a preset.

    Raises:
        UserError: there is no such preset, or none was named.
    """
    if preset is None:
        usual = ", ".join(registry.names("perturbations"))
        raise UserError(f"nothing to perturb: give --perturb ({usual}) or --preset ({', '.join(PRESETS)})")
    return list(find_preset(preset))


def find_preset(preset: str) -> Mapping[str, tuple[float, ...]]:
    """Severities of a preset.

    Raises:
        UserError: there is no such preset.
    """
    if preset not in PRESETS:
        raise UserError(f"--preset: expected one of {', '.join(PRESETS)}, found {one_line(preset, 80)!r}")
    return PRESETS[preset]


def preset_severities(preset: str, axes: Mapping[str, Perturbation]) -> Severities:
    """What a preset says of some axes.

    Raises:
        UserError: it says nothing of one of them.
    """
    known = find_preset(preset)
    for name in axes:
        if name not in known:
            raise UserError(f"--preset {preset} says nothing of {name}; it has {', '.join(known)}")
    return Severities((), {name: known[name] for name in axes})


def read_severities(texts: Sequence[str]) -> Severities:
    """Severities from texts such as "90", "90,70" and "jpeg=90,70".

    Raises:
        UserError: a severity is not a number.
    """
    plain: list[float] = []
    named: dict[str, tuple[float, ...]] = {}
    for text in texts:
        name, separator, values = text.rpartition("=")
        numbers = [read_number(part, text) for part in values.split(",")]
        if separator:
            named[name] = (*named.get(name, ()), *numbers)
        else:
            plain += numbers
    return Severities(tuple(plain), named)


def read_number(part: str, text: str) -> float:
    """A number.

    Raises:
        UserError: it is none.
    """
    try:
        # Python would read 1_0 as ten.
        return float("" if "_" in part else part)
    except ValueError:
        expected = "a number such as 90, or jpeg=90,70"
        raise UserError(f"--severity: expected {expected}, found {one_line(text, 80)!r}") from None
