"""``certsuite webex``: devices in a Webex organization, and an emulator to try it on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import yaml

from certsuite import __version__
from certsuite.cli import webex_text
from certsuite.cli.telling import say, told
from certsuite.cli.webex_lab import PASSWORD, device_info_text
from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret, printable
from certsuite.devices.device_info import load_device_info
from certsuite.edge.webex_emulator import WebexEmulator
from certsuite.edge.webex_state import Organization
from certsuite.sip.passwords import audit
from certsuite.webex.answers import Device, SupportedDevice, is_mac, normal_mac
from certsuite.webex.client import WebexClient
from certsuite.webex.clock import SystemClock
from certsuite.webex.errors import NotFound
from certsuite.webex.lines_file import lines_text, read_lines
from certsuite.webex.tokens import Credentials, credentials_from, private_text
from certsuite.webex.wire import Wire

T = TypeVar("T")

_PASSWORD_AT_LEAST = 8
_NO_MATTER = "any"
"What stands for a password where none is needed."
CREDENTIALS_FILE = "credentials.yaml"

app = typer.Typer(no_args_is_help=True, help="Partner-managed devices in a Webex organization.")
device_app = typer.Typer(no_args_is_help=True, help="One device.")
app.add_typer(device_app, name="device")


@dataclass(frozen=True)
class _Webex:
    """Where to go, and as whom."""

    emulator: str | None
    root: Path | None
    org: str
    credentials: Path | None

    def run(self, work: Callable[[WebexClient], Awaitable[T]], *, dry_run: bool = False) -> T:
        """Do something with a client. A dry run prints every request."""

        async def done() -> T:
            dry = say if dry_run else None
            async with Wire(self.emulator, root=self.root, dry_run=dry, user_agent=f"certsuite/{__version__}") as wire:
                return await work(WebexClient(wire, self._credentials(), org_id=self.org))

        return asyncio.run(done())

    def _credentials(self) -> Credentials:
        return credentials_from(os.environ, self.credentials)


DeviceName = Annotated[str, typer.Argument(metavar="DEVICE", help="Its id, or its MAC address.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the requests; send none that changes something.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help=f"Its SIP password, mode 600; else {PASSWORD}.", metavar="FILE")
]


@app.callback()
@told
def _webex(
    context: typer.Context,
    credentials: Annotated[
        Path | None, typer.Option(help="Tokens, YAML, mode 600; else WEBEX_... of the environment.", metavar="FILE")
    ] = None,
    org: Annotated[str, typer.Option(help="A customer's organization, for partners.", metavar="ID")] = "",
    emulator: Annotated[
        str | None, typer.Option(help="An emulator on this machine instead of Webex.", metavar="URL")
    ] = None,
    emulator_root: Annotated[
        Path | None, typer.Option(help="Root certificate of an emulator with TLS.", metavar="FILE")
    ] = None,
) -> None:
    """Partner-managed devices in a Webex organization."""
    context.obj = _Webex(emulator, emulator_root, org, credentials)


@app.command("devices")
@told
def list_devices(
    context: typer.Context,
    person: Annotated[str, typer.Option(help="Of this person.", metavar="ID")] = "",
    workspace: Annotated[str, typer.Option(help="Of this workspace.", metavar="ID")] = "",
    mac: Annotated[str, typer.Option(help="With this MAC address.")] = "",
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """List the organization's devices."""
    found = _of(context).run(
        lambda client: client.devices(person_id=person, workspace_id=workspace, mac=mac), dry_run=dry_run
    )
    if as_json:
        typer.echo(json.dumps([one.model_dump(by_alias=True) for one in found], indent=2))
    else:
        say(webex_text.devices_text(found))


@app.command()
@told
def models(context: typer.Context, dry_run: DryRun = False) -> None:
    """List the models of partner-managed devices, as Webex calls them."""
    say(webex_text.models_text(_of(context).run(lambda client: client.supported_devices(), dry_run=dry_run)))


@app.command("validate-macs")
@told
def validate_macs(
    context: typer.Context,
    macs: Annotated[list[str], typer.Argument(metavar="MAC...", help="MAC addresses.")],
    dry_run: DryRun = False,
) -> None:
    """Ask whether MAC addresses can be used. Exit code 1 if one cannot."""
    # What is no MAC address is sent as it is: Webex is to say so.
    asked = [normal_mac(one) if is_mac(one) else one for one in macs]
    report = _of(context).run(lambda client: client.validate_macs(asked), dry_run=dry_run)
    say(webex_text.macs_text(report))
    raise typer.Exit(0 if all(one.state == "AVAILABLE" for one in report.mac_status) else 1)


@device_app.command()
@told
def show(context: typer.Context, device: DeviceName, as_json: AsJson = False, dry_run: DryRun = False) -> None:
    """Show a device, and what its SIP configuration is made of."""

    async def work(client: WebexClient) -> None:
        found = await _found(client, device)
        calling = await client.calling(found)
        if as_json:
            both = {"device": found.model_dump(by_alias=True), "calling": calling.model_dump(by_alias=True)}
            typer.echo(json.dumps(both, indent=2))
        else:
            say(webex_text.device_text(found, calling))

    _of(context).run(work, dry_run=dry_run)


@device_app.command()
@told
def create(
    context: typer.Context,
    mac: Annotated[str, typer.Option(help="Its MAC address.")],
    person: Annotated[str, typer.Option(help="The person it is for.", metavar="ID")] = "",
    workspace: Annotated[str, typer.Option(help="Or the workspace.", metavar="ID")] = "",
    model: Annotated[str, typer.Option(help="As 'certsuite webex models' lists it.")] = "",
    password_file: PasswordFile = None,
    dry_run: DryRun = False,
) -> None:
    """Create a device by its MAC address."""
    if any(one.startswith("-") for one in (person, workspace)):
        # An id that is missing makes the next option one, --dry-run of all options.
        raise UsageError("--person and --workspace want an id, which does not begin with a hyphen")
    normal_mac(mac)
    password = _password(password_file)

    async def work(client: WebexClient) -> None:
        named = model or _only(await client.supported_devices())
        made = await client.create(mac, named, password, person_id=person, workspace_id=workspace)
        if made is not None:
            say(f"created: {printable(made.id)}\n" + webex_text.device_text(made, await client.calling(made)))

    _of(context).run(work, dry_run=dry_run)


@device_app.command()
@told
def members(
    context: typer.Context,
    device: DeviceName,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="As --set takes them.")] = False,
    replace: Annotated[
        Path | None, typer.Option("--set", help="Lines to set; all others are taken away.", metavar="FILE")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """List a device's lines, or replace them all."""
    wanted = read_lines(replace) if replace else None

    async def work(client: WebexClient) -> None:
        found = await _found(client, device)
        before = await client.members(found)
        if wanted is not None:
            say(webex_text.changes_text(before.members, wanted))
            await client.set_members(found, wanted)
        elif as_yaml:
            typer.echo(lines_text(before.members), nl=False)
        else:
            say(webex_text.members_text(before))

    _of(context).run(work, dry_run=dry_run)


@device_app.command("password")
@told
def set_password(
    context: typer.Context, device: DeviceName, password_file: PasswordFile = None, dry_run: DryRun = False
) -> None:
    """Set a device's SIP password."""
    password = _password(password_file)

    async def work(client: WebexClient) -> None:
        await client.set_password(await _found(client, device), password)

    _of(context).run(work, dry_run=dry_run)
    _done("the password is set; the device gets it with its next configuration", dry_run)


@device_app.command()
@told
def info(
    context: typer.Context,
    device: DeviceName,
    out: Annotated[Path, typer.Option(help="File to write.", metavar="FILE")],
    dry_run: DryRun = False,
) -> None:
    """Write the device info of a device, for "provision" and "run". It refers to the SIP password."""

    async def work(client: WebexClient) -> str:
        found = await _found(client, device)
        codecs = (await client.settings(found)).codecs
        return device_info_text(await client.calling(found), await client.members(found), codecs)

    text = _of(context).run(work, dry_run=dry_run)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}; give another file by --out") from error
    lines = len(load_device_info(out, {PASSWORD: _NO_MATTER}).accounts)
    say(f"{out}: {lines} {'line' if lines == 1 else 'lines'}; the SIP password is to be in {PASSWORD}")


@device_app.command("apply")
@told
def apply_changes(context: typer.Context, device: DeviceName, dry_run: DryRun = False) -> None:
    """Have a device fetch its configuration anew."""

    async def work(client: WebexClient) -> None:
        await client.apply(await _found(client, device))

    _of(context).run(work, dry_run=dry_run)
    _done("the device was told to fetch its configuration", dry_run)


@device_app.command()
@told
def status(context: typer.Context, device: DeviceName, as_json: AsJson = False, dry_run: DryRun = False) -> None:
    """Say whether a device has registered, and what Webex takes it for. Exit code 1 if it is not connected."""

    async def work(client: WebexClient) -> bool:
        seen = await client.status((await _found(client, device)).id)
        if as_json:
            typer.echo(json.dumps(webex_text.status_document(seen), indent=2))
        else:
            say(webex_text.status_text(seen))
        return seen.registered

    raise typer.Exit(0 if _of(context).run(work, dry_run=dry_run) else 1)


@app.command()
@told
def emulate(
    out: Annotated[Path, typer.Option(help="Folder for its credentials.", metavar="DIR")],
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes a free one.")] = 0,
    registers_as: Annotated[
        str, typer.Option(help="Devices that are told to apply changes register so.", metavar="'MAKE MODEL'")
    ] = "",
    fault: Annotated[
        list[str] | None, typer.Option(help="The next request of a route goes wrong.", metavar="'NAME METHOD PATH'")
    ] = None,
) -> None:
    """Serve an organization of its own on this machine, until Ctrl-C."""
    make, _, model = registers_as.partition(" ")
    if registers_as and not model:
        raise UsageError(f"--registers-as {printable(registers_as)}: make and model, such as 'Yealink SIP-T46U'")
    organization = Organization(SystemClock().utc, registers_as=(make, model) if registers_as else None)
    emulator = WebexEmulator(organization, port=port)
    for one in fault or []:
        name, _, route = one.partition(" ")
        emulator.fails(name, route)
    asyncio.run(_emulate(emulator, _write_credentials(organization, out)))


async def _emulate(emulator: WebexEmulator, file: Path) -> None:
    stopped = asyncio.Event()
    await emulator.start()
    organization = emulator.organization
    person = organization.someone("Anna", "Berg")
    room = organization.someone("Lobby", kind="PLACE")
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    say(f"credentials: {file}\nperson:      {person.id}\nworkspace:   {room.id}")
    say(f"listening:   {emulator.base_url}   (Ctrl-C ends it)")
    await stopped.wait()
    emulator.stop()


def _write_credentials(organization: Organization, out: Path) -> Path:
    """What mints a token of the emulator; readable by its owner alone."""
    path = out / CREDENTIALS_FILE
    text = yaml.safe_dump(
        {
            "application_id": organization.application_id,
            "target_org_id": organization.id,
            "client_id": organization.client_id,
            "client_secret": organization.client_secret,
            "manager_token": organization.manager_token,
        }
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; give another folder by --out") from error
    return path


def _of(context: typer.Context) -> _Webex:
    place = context.obj
    assert isinstance(place, _Webex)
    return place


def _done(text: str, dry_run: bool) -> None:
    if not dry_run:
        say(text)


async def _found(client: WebexClient, name: str) -> Device:
    """The device of an id or a MAC address."""
    if not is_mac(name):
        return await client.device(name)
    found = await client.find(name)
    if found is None:
        raise NotFound(f"there is no device with the MAC address {name}")
    return found


def _only(models: tuple[SupportedDevice, ...]) -> str:
    if len(models) != 1:
        names = ", ".join(f"'{printable(one.model)}'" for one in models) or "none"
        raise UsageError(f"give --model; Webex has these of partner-managed devices: {names}")
    return models[0].model


def _password(file: Path | None) -> Secret:
    """The SIP password, which has to meet the rules for partner-managed devices (help.webex.com/1mh2m9)."""
    text = private_text(file).strip("\r\n") if file else os.environ.get(PASSWORD, "")
    if not text:
        raise UsageError(f"a SIP password is needed: --password-file FILE, or {PASSWORD} in the environment")
    seen = audit(text)
    if seen.length < _PASSWORD_AT_LEAST or seen.missing:
        lacks = f"; it lacks: {', '.join(seen.missing)}" if seen.missing else ""
        raise UsageError(f"the SIP password has {seen.length} characters, and 8 are the least{lacks}")
    return Secret(text)
