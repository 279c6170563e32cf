"""Nagios and Icinga, whose notification commands run as they would run them."""

from __future__ import annotations

import json
import re
import subprocess

from tests.recipes import Page, filled


def nagios_runs(host, command, **macros):
    """A notification command as Nagios runs it; of what a check says it takes out illegal_macro_output_chars."""
    (line,) = re.findall(rf"command_name\s+{command}\n\s+command_line\s+(.*)", Page("nagios").file("/axion-bus.cfg"))
    cleaned = {name: re.sub(r"""[`~$&|'"<>]""", "", value) if "OUTPUT" in name else value for name, value in macros.items()}
    host.run(filled(line, cleaned, r"\$([A-Z]+)\$").replace("/usr/bin/", ""))


def test_nagios_a_service_and_a_host_each_are_one_incident_whatever_their_checks_say(host, configured):
    host.log_in("nagios")
    bus = configured(Page("nagios").file("/axion-bus.toml"))
    web = {"HOSTNAME": "web-1", "HOSTADDRESS": "192.0.2.17", "NOTIFICATIONTYPE": "PROBLEM"}
    service = {**web, "SERVICEDESC": "HTTP", "SERVICESTATE": "CRITICAL"}
    for output in ('connect: "refused"; rm -rf $HOME', "connect: timeout"):
        nagios_runs(host, "notify-service-by-axion-bus", **service, SERVICEOUTPUT=output)
    nagios_runs(host, "notify-host-by-axion-bus", **web, HOSTSTATE="DOWN", HOSTOUTPUT="no ping")
    incident = bus.sees(Package="HTTP", Severity="CRITICAL", Status="CREATED")
    bus.sees(Title="web-1: no ping", Package="HOST", Status="CREATED")
    ended = {**service, "NOTIFICATIONTYPE": "RECOVERY", "SERVICESTATE": "OK", "SERVICEOUTPUT": "HTTP OK"}
    nagios_runs(host, "notify-service-by-axion-bus", **ended)

    bus.sees(Package="HTTP", Status="MONITORING")
    nagios_runs(host, "notify-service-by-axion-bus", **service, SERVICEOUTPUT="connect: no route")
    bus.sees(Package="HTTP", Status="INVESTIGATING")
    assert len(bus.incidents(Package="HTTP")) == 1
    assert incident["Title"] == "HTTP: connect: refused; rm -rf HOME"


def icinga_runs(host, macros):
    """A notification command as Icinga runs it: without a shell; a macro that has no value is not in the environment."""
    text = next(block for block in Page("nagios").blocks("text") if "NotificationCommand" in block)
    command = json.loads(re.search(r"command = (\[.*\])", text)[1])
    variables = {name: macros[macro] for name, macro in re.findall(r'(ICINGA_\w+) = "\$([\w.]+)\$"', text) if macro in macros}
    subprocess.run([host.replaced(part) for part in command], env={**host.environment, **variables}, check=True, timeout=30)


def test_icinga_a_service_that_fails_and_recovers(host, plain):
    host.log_in("nagios")
    macros = {"host.name": "db-3", "service.name": "disk", "notification.type": "PROBLEM", "service.state": "CRITICAL"}
    macros |= {"service.output": "DISK CRITICAL - free: 2%\n/var is full", "service.last_state_change": "1769899946.512345"}
    icinga_runs(host, macros)
    plain.sees(Title="disk: DISK CRITICAL - free: 2%", Severity="CRITICAL", Status="CREATED", Package="disk")
    icinga_runs(host, {**macros, "notification.type": "RECOVERY", "service.state": "OK", "service.output": "DISK OK"})

    plain.sees(Title="disk: DISK CRITICAL - free: 2%", Status="MONITORING")
