"""Starts the reference device: ``python -m certsuite.refdevice --config DIR [--fault NAME]...``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.config import Config, ConfigError, load
from certsuite.refdevice.faults import FAULTS, UnknownFault, behaviour_with
from certsuite.refdevice.program import Program

_USAGE_ERROR = 4


def main(arguments: list[str]) -> int:
    """Run the device; gives the exit code: 4 for a fault that there is not or a configuration that is wrong."""
    parser = argparse.ArgumentParser(prog="refdevice", description="A compliant SIP phone with named faults.")
    parser.add_argument("--config", type=Path, metavar="DIR", help="where phone.toml is")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="may be given several times")
    parser.add_argument("--faults", action="store_true", help="list the faults and end")
    parser.add_argument("--verbose", action="store_true", help="log each message by name")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(relativeCreated)8.0f %(name)s %(message)s",
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    if options.faults:
        sys.stdout.writelines(f"{fault.name:28} {fault.description}\n" for fault in FAULTS.values())
        return 0
    try:
        behaviour = behaviour_with(options.fault)
        if options.config is None:
            raise ConfigError("--config DIR is needed")
        config = load(options.config)
        return asyncio.run(_run(options.config, config, behaviour))
    except (UnknownFault, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE_ERROR
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE_ERROR


async def _run(directory: Path, config: Config, behaviour: Behaviour) -> int:
    return await Program(directory, config, behaviour).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
