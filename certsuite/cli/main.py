"""``certsuite``: certify a device, look at what was certified, and see what this machine can do."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Annotated

import pytest
import typer

from certsuite import __version__
from certsuite.catalogue import load_catalogue
from certsuite.cli import doctor as doctor_
from certsuite.cli import tables
from certsuite.cli.config import app as config_app
from certsuite.cli.config import lint_exit_code, lint_generated, lint_text
from certsuite.cli.judging import rejudge_run, review_case
from certsuite.cli.passwords import app as passwords_app
from certsuite.cli.provisioning import Given, provision_sample
from certsuite.cli.telling import Commands
from certsuite.cli.telling import say as _say
from certsuite.cli.telling import told as _told
from certsuite.cli.tls import app as tls_app
from certsuite.cli.webex import app as webex_app
from certsuite.core.errors import UsageError
from certsuite.core.places import PROFILES, TESTCASES
from certsuite.core.redaction import printable
from certsuite.core.results import EXIT_USAGE
from certsuite.core.verdicts import Verdict
from certsuite.devices.check import check_profile
from certsuite.devices.device_info_mapping import read_device_info
from certsuite.devices.profile import load_profile
from certsuite.pytest_plugin.certification import rebuild_reports
from certsuite.pytest_plugin.collected import collect_cases
from certsuite.pytest_plugin.options import REFERENCE
from certsuite.report.compare import compare as compare_documents
from certsuite.report.compare import read_results
from certsuite.report.offer_changes import compare_offers_of
from certsuite.report.terminal import summary

app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, help="Certify SIP devices for Webex Calling."
)
profile_app = typer.Typer(no_args_is_help=True, help="Device profiles.")
app.add_typer(profile_app, name="profile")
app.add_typer(tls_app, name="tls")
app.add_typer(passwords_app, name="passwords")
app.add_typer(config_app, name="config")
app.add_typer(webex_app, name="webex")

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
ProfileName = Annotated[str, typer.Argument(metavar="PROFILE", help="A path, or a name in device_profiles/.")]


def _version(shown: bool) -> None:
    if shown:
        _say(f"certsuite {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Certify SIP devices for Webex Calling."""


@app.command()
def run(
    profile: Annotated[
        str, typer.Argument(metavar="[PROFILE]", help="The device; without it, the reference device.")
    ] = REFERENCE,
    plan: Annotated[str | None, typer.Option(help="smoke, security, failover, provisioning, calls or full.")] = None,
    case: Annotated[list[str] | None, typer.Option(help="Only this case; may be repeated.", metavar="ID")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run.", metavar="DIR")] = None,
    bench: Annotated[
        str, typer.Option(help="The bench to raise: loopback, or netns for namespaces of its own.")
    ] = "loopback",
    fault: Annotated[list[str] | None, typer.Option(help="Fault of the reference device.", metavar="NAME")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="0 or 1 then says whether this run is worse.", metavar="RUN")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with a run that was cut short.", metavar="RUN")] = None,
    credentials: Annotated[
        Path | None, typer.Option(help="SIP passwords by line; YAML, mode 600.", metavar="FILE")
    ] = None,
    device_info: Annotated[
        Path | None, typer.Option(help="The device's own accounts, instead of minted ones; JSON.", metavar="FILE")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="Where the values stand, if the JSON has another form.", metavar="FILE")
    ] = None,
    webex_emulator: Annotated[
        str | None, typer.Option(help="Emulator of the Webex API, told of the registration.", metavar="URL")
    ] = None,
    root: Annotated[
        str | None, typer.Option(help="Root that the root probe asks for; without it, Webex's.", metavar="FILE|NAME")
    ] = None,
    chain: Annotated[
        Path | None, typer.Option(help="Genuine chain under that root; PEM, the leaf first.", metavar="FILE")
    ] = None,
    time_scale: Annotated[float, typer.Option(help="Reference device only: scales all times.", metavar="X")] = 1.0,
) -> None:
    """Certify a device and write its report. The exit code is the outcome's."""
    arguments = ["--device", profile, "--bench", bench, "--time-scale", str(time_scale), "--progress"]
    for option, value in (
        ("--plan", plan),
        ("--out", out),
        ("--baseline", baseline),
        ("--resume", resume),
        ("--credentials", credentials),
        ("--device-info", device_info),
        ("--mapping", mapping),
        ("--webex-emulator", webex_emulator),
        ("--root", root),
        ("--chain", chain),
    ):
        if value is not None:
            # With a sign between them: pytest takes a file that stands alone for tests, and looks for settings near it.
            arguments.append(f"{option}={value}")
    for name in case or []:
        arguments += ["--case", name]
    for name in fault or []:
        arguments += ["--fault", name]
    # A certification has its own output and no cache, and its cases assert nothing that would have to be told in full;
    # what else is installed for pytest is not loaded for nothing, and what became garbage need not be told at the end.
    # Its other settings stand in testcases/pytest.toml.
    settings = ["-s", "--assert=plain", "-p", "no:terminal", "-p", "no:cacheprovider"]
    settings += ["--disable-plugin-autoload", "-p", "certsuite.pytest_plugin.plugin"]
    settings += ["-p", "no:unraisableexception", "-p", "no:threadexception"]
    raise typer.Exit(int(pytest.main([str(TESTCASES), *settings, *arguments])))


@app.command()
@_told
def cases(
    profile: Annotated[str | None, typer.Argument(metavar="[PROFILE]", help="Say which cases apply to it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the cases: requirement, level, mark and source; with a profile, which apply and why not."""
    catalogue = load_catalogue()
    device = load_profile(profile, PROFILES) if profile else None
    rows = tables.case_rows(collect_cases(), catalogue, device)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        _say(tables.case_text(rows))
        _say(tables.not_tested_text(catalogue))


@app.command()
@_told
def plan(
    profile: ProfileName,
    name: Annotated[str, typer.Option("--plan", help="Which plan.")] = "full",
) -> None:
    """Print order, restarts and expected duration of a run before it starts, and what it waits for and why."""
    catalogue = load_catalogue()
    if name not in catalogue.plans:
        raise UsageError(f"there is no plan {printable(name)}; there are {', '.join(catalogue.plans)}")
    chosen = [case for case in collect_cases() if catalogue.plans[name].asks_for(case.id)]
    _say(tables.plan_text(chosen, load_profile(profile, PROFILES), catalogue.limits))


@profile_app.command("check")
@_told
def profile_check(profile: ProfileName) -> None:
    """Validate a profile; tells the exact place and reason of each mistake. Starts and contacts nothing."""
    report = check_profile(profile, PROFILES)
    _say(tables.profile_text(report, collect_cases()))
    raise typer.Exit(EXIT_USAGE if report.problems else 0)


@app.command()
@_told
def provision(
    profile: ProfileName,
    out: Annotated[Path, typer.Option(help="Folder to write to.", metavar="DIR")],
    device_info: Annotated[Path | None, typer.Option(help="The device's accounts; JSON.", metavar="FILE")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="Where the values stand, if the JSON has another form.", metavar="FILE")
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Root to be trusted; PEM. Without it one is minted.", metavar="FILE")
    ] = None,
) -> None:
    """Write a device's configuration: for the accounts of its device info, or for minted ones.

    Where the vendor's files are known, what was written is looked through as by "config lint".
    """
    if mapping is not None and device_info is None:
        raise UsageError("--mapping is for --device-info FILE")
    info = read_device_info(device_info, mapping, os.environ) if device_info else None
    device = load_profile(profile, PROFILES)
    written = provision_sample(device, out, Given(info, root))
    for path in written:
        _say(str(path))
    found = lint_generated(device, [path for path in written if path.is_relative_to(out.resolve() / "config")])
    if found:
        _say(lint_text(found))
    raise typer.Exit(lint_exit_code(found))


@app.command()
@_told
def report(run: RunFolder) -> None:
    """Rebuild the reports of a run from its record."""
    _say(summary(rebuild_reports(run, load_catalogue()), run))


@app.command()
@_told
def rejudge(
    run: RunFolder,
    catalogue: Annotated[Path | None, typer.Option(help="Judge by this folder's limits.", metavar="DIR")] = None,
) -> None:
    """Judge a record again with today's checks and limits; nothing is rewritten."""
    result, text = rejudge_run(run, load_catalogue(catalogue) if catalogue else load_catalogue())
    _say(text)
    raise typer.Exit(result.exit_code)


@app.command()
@_told
def compare(old: RunFolder, new: RunFolder) -> None:
    """Print what changed between two runs. 1 if something got worse."""
    comparison = compare_documents(read_results(old), read_results(new), compare_offers_of(old, new))
    _say(comparison.text())
    raise typer.Exit(1 if comparison.worse else 0)


@app.command()
@_told
def review(
    run: RunFolder,
    case: Annotated[str, typer.Argument(metavar="CASE", help="Id of the case, with its \\[variant] if it has one.")],
    verdict: Annotated[Verdict, typer.Option(help="The person's verdict.")],
    evidence: Annotated[Path, typer.Option(help="What it rests on: a picture, a log.", metavar="FILE")],
    by: Annotated[str, typer.Option(help="Who decided.", metavar="NAME")],
) -> None:
    """Settle a case that is inconclusive or needs review, by a person and with evidence."""
    _say(summary(review_case(run, case, verdict, evidence, by, load_catalogue()), run))


@app.command()
@_told
def doctor(
    clean: Annotated[bool, typer.Option("--clean", help="Remove what killed runs left behind.")] = False,
) -> None:
    """Say what this machine can and cannot run, and how to get it."""
    if clean:
        for path in doctor_.leftovers():
            shutil.rmtree(path, ignore_errors=True)
            _say(f"removed {path}")
    findings = doctor_.examine()
    _say(doctor_.text(findings))
    raise typer.Exit(0 if all(one.found for one in findings if one.needed) else 1)


def main() -> None:
    """The commands, once the program has started."""
    app()
