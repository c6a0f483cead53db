"""Runs a Home Assistant core with the MQTT integration only, and obeys a test.

usage: core.py FOLDER BROKER_PORT

Reads one JSON array a line from standard input, and answers each with one JSON object a line:

    ["until", ENTITY, STATE]       waits for a state, or for an attribute as ENTITY:ATTRIBUTE
    ["call", SERVICE, ENTITY, {}]  calls a service, such as switch.turn_on
    ["dump"]                       devices, entities, and the warnings of the MQTT integration

An answer holds "ok", and "error" if it is false. The end of the input stops the core. A second run with
the same FOLDER is a restart of the same installation.
"""

import asyncio
import json
import logging
from pathlib import Path
import socket
import sys
import threading
import time

PATIENCE_S = 30.0
MQTT = "homeassistant.components.mqtt"
ENTRY_ID = "0123456789abcdef0123456789abcdef"


def configure(folder, broker_port):
    """Writes what a user would set up by hand. After a restart it is there already."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        http_port = probe.getsockname()[1]
    (folder / "configuration.yaml").write_text(
        "homeassistant:\n  name: test\n  country: DE\n  language: en\n  currency: EUR\n  time_zone: UTC\n"
        "  unit_system: metric\n  latitude: 0\n  longitude: 0\n  elevation: 0\n"
        f"http:\n  server_host: 127.0.0.1\n  server_port: {http_port}\n"
    )
    entries = folder / ".storage" / "core.config_entries"
    if entries.exists():
        return
    entries.parent.mkdir()
    created = "2025-01-01T00:00:00+00:00"
    entry = {
        "created_at": created,
        "modified_at": created,
        "data": {"broker": "127.0.0.1", "port": broker_port},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": "mqtt",
        "entry_id": ENTRY_ID,
        "minor_version": 2,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": "broker",
        "unique_id": None,
        "version": 1,
    }
    data = {"version": 1, "minor_version": 5, "key": "core.config_entries", "data": {"entries": [entry]}}
    entries.write_text(json.dumps(data))


class Warnings(logging.Handler):
    """Keeps the warnings and errors of the MQTT integration."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        if record.name.startswith(MQTT):
            self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


class Core:
    """A running Home Assistant."""

    def __init__(self, hass, warnings):
        self.hass = hass
        self.warnings = warnings

    def state(self, name):
        """The state of "sensor.x", or the attribute of "sensor.x:attribute", as text."""
        entity, _, attribute = name.partition(":")
        state = self.hass.states.get(entity)
        if state is None:
            return "absent"
        value = state.attributes.get(attribute, "absent") if attribute else state.state
        return value if isinstance(value, str) else json.dumps(value, default=str)

    def changed_at(self, entity):
        state = self.hass.states.get(entity)
        return state and state.last_changed.timestamp()

    async def until(self, name, wanted):
        end = time.monotonic() + PATIENCE_S
        while (now := self.state(name)) != wanted:
            if time.monotonic() > end:
                raise TimeoutError(f"{name} is {now}, not {wanted}")
            await asyncio.sleep(0.05)
        return {}

    async def call(self, service, entity, data):
        domain, name = service.split(".")
        await self.hass.services.async_call(domain, name, {"entity_id": entity, **data}, blocking=True)
        return {}

    async def dump(self):
        from homeassistant.helpers import device_registry, entity_registry

        registry = device_registry.async_get(self.hass).devices
        names = {device.id: device.name for device in registry.values()}
        devices = {
            device.name: {"via": names.get(device.via_device_id), "sw_version": device.sw_version}
            for device in registry.values()
            if ENTRY_ID in device.config_entries
        }
        entities = {
            entry.entity_id: {
                "unique_id": entry.unique_id,
                "device": names.get(entry.device_id),
                "device_class": entry.original_device_class,
                "category": entry.entity_category,
                "state": self.state(entry.entity_id),
                "changed_at": self.changed_at(entry.entity_id),
            }
            for entry in entity_registry.async_get(self.hass).entities.values()
        }
        return {"devices": devices, "entities": entities, "warnings": self.warnings.lines}

    async def obey(self, line):
        name, *arguments = json.loads(line)
        try:
            steps = {"until": self.until, "call": self.call, "dump": self.dump}
            return {"ok": True, **await steps[name](*arguments)}
        except Exception as error:  # Services fail with many types.
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def lines_of_stdin(loop):
    """A queue of input lines, then None. A thread reads them, because reading blocks."""
    queue = asyncio.Queue()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(queue.put_nowait, line)
        loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    return queue


async def main(folder, broker_port):
    from homeassistant import bootstrap, runner

    configure(folder, broker_port)
    warnings = Warnings()
    logging.getLogger().addHandler(warnings)
    # Without these lists Home Assistant would load its user interface and its helpers.
    bootstrap.DEFAULT_INTEGRATIONS.clear()
    bootstrap.CRITICAL_INTEGRATIONS.clear()
    config = runner.RuntimeConfig(config_dir=str(folder), skip_pip=True, log_no_color=True)
    hass = await bootstrap.async_setup_hass(config)
    await hass.async_start()
    core = Core(hass, warnings)
    lines = lines_of_stdin(asyncio.get_running_loop())
    while (line := await lines.get()) is not None:
        print(json.dumps(await core.obey(line), default=str), flush=True)
    await hass.async_stop()


if __name__ == "__main__":
    from homeassistant import runner

    asyncio.set_event_loop_policy(runner.HassEventLoopPolicy(False))
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
