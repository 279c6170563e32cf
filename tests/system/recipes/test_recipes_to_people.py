"""People: PagerDuty, and SMS with its answers. The providers are stood in for, on loopback."""

from __future__ import annotations

import base64
import hmac
import json
import re
from urllib.parse import urlencode

from tests.chaos import ledger
from tests.people import axion_bus
from tests.recipes import Page
from tests.servers import wait_until
from tests.system.recipes.conftest import post


def secrets(host, **texts):
    for name, text in texts.items():
        file = host.root / "etc/axion-bus/credentials" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_pagerduty_is_paged_told_of_the_acknowledgement_and_of_the_end(host, configured, publish, providers):
    secrets(host, pagerduty="an-integration-key")
    text = (
        Page("pagerduty")
        .file("/axion-bus.toml")
        .replace("[channels.pagerduty]", f'[channels.pagerduty]\nbase_url = "{providers.url}"\nallow_private = true\nrate = 100', 1)
    )
    bus = configured(text)
    publish("alertmanager", "axion/alerts/alertmanager/SHOP", '{"title": "Checkout is down", "severity": "CRITICAL"}')
    guid = bus.sees(Title="Checkout is down")["IncidentGuid"]
    asked = providers.asked["PAGERDUTY"]
    for number, command in ((1, ("acknowledge", guid)), (2, ("close-incident", guid, "--resolution", "r", "--root-cause", "c"))):
        wait_until(lambda: len(asked) >= number, lambda: f"{number} events")  # noqa: B023 - asked at once
        axion_bus(bus.daemon, *command)
    wait_until(lambda: len(asked) == 3, lambda: f"three events, not {asked}")

    assert [("trigger", guid), ("acknowledge", guid), ("resolve", guid)] == [
        (e.said["event_action"], e.said["dedup_key"]) for e in asked
    ]
    assert {"an-integration-key"} == {each.said["routing_key"] for each in asked}


def test_pagerduty_the_code_of_its_own_is_accepted(host, plain):
    (statement,) = Page("pagerduty").blocks("sql")
    ledger.query(plain.url, statement)

    assert [{"NotifyChannels": "PAGERDUTY"}] == ledger.query(
        plain.url, "SELECT NotifyChannels FROM def_notify WHERE NotifyCode = 'PAGE'"
    )


def test_pagerduty_a_program_that_pages_by_it_pages_by_us(host, hook, plain):
    host.log_in("collector")
    url = host.replaced(re.search(r"`(http://127\.0\.0\.1:8099/\S+)`", Page("pagerduty").text)[1])
    event = {"routing_key": "x", "dedup_key": "cron/7", "event_action": "trigger"}
    payload = {"summary": "Payroll did not run", "source": "erp", "severity": "error", "component": "PAYROLL"}

    assert post(url, json.dumps({**event, "payload": payload}).encode()) == 204
    plain.sees(Title="Payroll did not run", Severity="HIGH", Status="CREATED", Package="PAYROLL")
    assert post(url, json.dumps({**event, "event_action": "resolve"}).encode()) == 204
    plain.sees(Title="Payroll did not run", Status="MONITORING")


def twilio_posts(host, url, token, **fields):
    """An incoming message, signed as Twilio documents it for ``url``."""
    signed = "https://gateway.example/sms" + "".join(name + fields[name] for name in sorted(fields))
    signature = base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
    return post(url, urlencode(fields).encode(), **{"X-Twilio-Signature": signature})


def test_sms_a_page_goes_out_and_its_answer_acknowledges(host, configured, publish, providers):
    secrets(host, twilio="the-token")
    host.install("sms-replies")
    text = (
        Page("sms-replies")
        .file("/axion-bus.toml")
        .replace("[channels.sms]", f'[channels.sms]\nbase_url = "{providers.url}"\nallow_private = true\nrate = 100', 1)
    )
    bus = configured(text)
    ledger.query(bus.url, Page("sms-replies").blocks("sql")[0])
    publish("alertmanager", "axion/alerts/alertmanager/SHOP", '{"title": "Checkout is down", "severity": "CRITICAL"}')
    sent = providers.asked["SMS"]
    wait_until(lambda: sent, "the message")
    code = sent[0].reference.rpartition("-")[2]
    reply = {"From": "+15550123", "To": "+15550100", "Body": f"ack {code}", "MessageSid": "SM0123", "NumMedia": "0"}
    (command,) = re.findall(r"`ExecStart=(.*?)`", Page("sms-replies").text)
    command = command.replace("8098", str(host.hook_port)).replace(
        "${CREDENTIALS_DIRECTORY}", f"{host.root}/etc/axion-bus/credentials"
    )
    host.log_in("sms-gateway")
    with host.running(command, host.hook_port):
        url = f"http://127.0.0.1:{host.hook_port}/sms"
        assert 403 == twilio_posts(host, url, "another-token", **reply)
        assert 200 == twilio_posts(host, url, "the-token", **reply)
        bus.sees(Title="Checkout is down", Status="INVESTIGATING")
        wait_until(lambda: len(sent) == 2, "an answer")

    assert ["+15550123", "+15550123"] == [each.said["To"] for each in sent]
