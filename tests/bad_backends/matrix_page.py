"""The page that the kill matrix is shown on."""

import platform
from importlib.metadata import version

from reports.text import safe

_SIGNS = {"fail": "F", "crash": "C", "timeout": "T", "refused": "R"}
_COMMAND = "make matrix"


def survivors(members):
    """Return the wrong ones that no check killed."""
    return [m for m in members if m.record.wrong and not m.killed]


def alarms(members):
    """Return the sound ones that a check flagged."""
    return [m for m in members if not m.record.wrong and m.killed]


def page(members, seconds, wall):
    """Return the whole page as Markdown."""
    wrong = [m for m in members if m.record.wrong]
    sound = [m for m in members if not m.record.wrong]
    asked = [m for m in sound if not m.unavailable]
    checks = _checks(members)
    lines = [
        "# The kill matrix",
        "",
        "The suite against backends that are wrong on purpose, and against sound ones that are",
        f"written in an unusual way (`tests/bad_backends/`), by `{_COMMAND}` in {wall:.0f} s: the",
        f"quick profile through `python -m verify --plugin`. Python {platform.python_version()},",
        f"NumPy {version('numpy')}, {platform.machine()}.",
        "",
        f"**Killed: {len(wrong) - len(survivors(members))} of {len(wrong)} wrong backends.",
        f"False alarms: {len(alarms(members))} of {len(asked)} sound ones.**",
        *_not_asked(sound),
        "",
        *_by_class(wrong),
        "",
        "## Wrong backends",
        "",
        "`F` the check fails, `C` the process crashes, `T` there is no answer in time, `R` the",
        "plugin is refused; `·` the check was asked in full and lets the backend pass. Formats are",
        "those that were asked: float32 first, no other once it is killed.",
        "",
        *_table(sorted(wrong, key=_order), checks),
        "",
        "## Sound backends",
        "",
        *_sound(sound),
        "",
        "Seconds in workers by check: "
        + ", ".join(f"{check} {seconds[check]:.0f}" for check in checks if check in seconds)
        + ".",
    ]
    return "\n".join(lines) + "\n"


def _not_asked(sound):
    """Say which sound ones are not counted, and why; nothing if all are."""
    absent = sorted((m for m in sound if m.unavailable), key=lambda m: m.record.name)
    if absent:
        yield f"Not counted are those of the {len(sound)} sound ones that cannot run here:"
        yield "; ".join(f"`{safe(m.record.name)}` ({_cell(m.unavailable)})" for m in absent) + "."


def _checks(members):
    named = {check for m in members for check in (*m.asked, *m.killed)}
    from verify import checks

    order = [name for name in checks.ALL if name in named]
    return order + sorted(named - set(order))


def _order(member):
    group = member.record.group
    return (0, int(group), member.record.name) if group.isdigit() else (1, 0, group)


def _by_class(wrong):
    groups = sorted({m.record.group for m in wrong}, key=lambda g: (not g.isdigit(), g.zfill(2)))
    lines = ["| class | killed | wrong | public issues |", "| --- | ---: | ---: | --- |"]
    for group in groups:
        some = [m for m in wrong if group in m.record.groups]
        issues = sorted({issue for m in some for issue in m.record.issues})
        killed = sum(bool(m.killed) for m in some)
        lines.append(f"| {group} | {killed} | {len(some)} | {safe(', '.join(issues))} |")
    return lines


def _table(members, checks):
    heads = [check.replace("_", " ") for check in checks]
    lines = [
        "| class | backend | dtypes | " + " | ".join(heads) + " |",
        "| --- | --- | --- | " + " | ".join(":-:" for _ in checks) + " |",
    ]
    for m in members:
        cells = [
            _SIGNS[m.killed[check]] if check in m.killed else "·" if m.asked[check] else ""
            for check in checks
        ]
        name = f"`{safe(m.record.name)}`: {_cell(m.record.text)}"
        lines.append(
            f"| {m.record.group} | {name} | {', '.join(m.dtypes)} | " + " | ".join(cells) + " |"
        )
    return lines


def _cell(text):
    return safe(text).replace("|", "\\|")


def _sound(members):
    lines = ["| backend | dtypes | cases | flagged by |", "| --- | --- | ---: | --- |"]
    for m in sorted(members, key=lambda m: m.record.name):
        if m.unavailable:
            flagged = f"not asked: {_cell(m.unavailable)}"
        else:
            flagged = ", ".join(f"{check} ({status})" for check, status in m.killed.items())
        cases = sum(m.asked.values())
        name = f"`{safe(m.record.name)}`: {_cell(m.record.text)}"
        lines.append(f"| {name} | {', '.join(m.dtypes)} | {cases} | {flagged or 'nothing'} |")
    return lines
