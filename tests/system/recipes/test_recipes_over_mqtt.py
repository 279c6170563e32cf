"""Programs that speak MQTT themselves: Telegraf, zigbee2mqtt, Home Assistant."""

from __future__ import annotations

import json
import re
import tomllib
from types import SimpleNamespace

import jinja2

from tests.recipes import Page
from tests.servers import wait_until


class Metric:
    """What Telegraf gives a Starlark function."""

    def __init__(self, name):
        self.name, self.tags, self.fields, self.time = name, {}, {}, 0


def telegraf_publishes(host, config, metrics):
    """Metrics through the page's processor and output, as Telegraf documents them: ``json``, one metric in a message."""
    (processor,), (output,) = config["processors"]["starlark"], config["outputs"]["mqtt"]
    namespace = {"Metric": Metric}
    exec(processor["source"], namespace)
    for metric in metrics:
        made = namespace["apply"](metric)
        for each in made if isinstance(made, list) else [made]:
            if each.name in output["namepass"]:
                told = {"fields": each.fields, "name": each.name, "tags": each.tags, "timestamp": each.time // 10**6}
                assert (output["data_format"], output["json_timestamp_units"], output["qos"]) == ("json", "1ms", 1)
                host.run(f"mosquitto_pub -q 1 -t {output['topic']} -s", stdin=json.dumps(told))


def a_disk(used, time):
    metric = Metric("disk")
    metric.tags |= {"host": "web-1", "path": "/var", "device": "sda1"}
    metric.fields |= {"used_percent": used, "free": 7}
    metric.time = time * 10**9
    return metric


def test_telegraf_a_disk_that_fills_up_speaks_when_its_level_changes(host, plain):
    host.log_in("telegraf")
    config = tomllib.loads(Page("telegraf").file("/axion-bus.conf"))
    telegraf_publishes(host, config, [a_disk(used, 1769899946 + second) for second, used in enumerate((41.0, 91.5, 92.0, 97.5))])
    plain.sees(Title="/var is filling up", Severity="CRITICAL", Status="CREATED", Package="disk_full")
    telegraf_publishes(host, config, [a_disk(12.0, 1769900006)])

    plain.sees(Title="/var is filling up", Status="MONITORING")
    assert [2] == [alert["Count"] for alert in plain.alerts() if alert["Package"] == "disk_full"]


def test_zigbee2mqtt_a_device_that_goes_and_comes_back(configured, publish):
    def tells(topic, state):
        publish("zigbee2mqtt", topic, json.dumps({"state": state}), "--retain")

    tells("zigbee2mqtt/old_lamp/availability", "offline")
    bus = configured(Page("zigbee2mqtt").file("/axion-bus.toml"))
    tells("zigbee2mqtt/lamp/availability", "offline")
    tells("zigbee2mqtt/bridge/state", "offline")
    bus.sees(Title="lamp does not answer", Severity="MEDIUM", Status="CREATED", Package="ZIGBEE")
    bus.sees(Title="zigbee2mqtt is not running", Severity="HIGH", Status="CREATED")
    tells("zigbee2mqtt/lamp/availability", "online")

    bus.sees(Title="lamp does not answer", Status="MONITORING")
    assert ["zigbee2mqtt/old_lamp/availability"] == [fault["Recipient"] for fault in bus.faults()]
    assert 2 == len(bus.incidents())


def home_assistant_publishes(publish, **trigger):
    """The page's action as Home Assistant carries it out."""
    (automation,) = (block for block in Page("home-assistant").blocks("yaml") if "mqtt.publish" in block)
    topic, template = re.search(r"topic: (\S+)", automation)[1], automation.partition("payload: >-\n")[2]
    environment = jinja2.Environment(autoescape=False)
    environment.filters["to_json"] = json.dumps
    state = SimpleNamespace(state="-9.5", attributes=SimpleNamespace(unit_of_measurement="\N{DEGREE SIGN}C"))
    payload = environment.from_string(template).render(trigger=SimpleNamespace(to_state=state, **trigger))
    publish("home", topic, payload.strip())


def test_home_assistant_shows_the_incidents_and_its_automation_makes_one(host, configured, publish):
    bus = configured(Page("home-assistant").file("/axion-bus.toml"))
    host.log_in("home")
    announced = wait_until(lambda: host.run("mosquitto_sub -C 1 -W 5 -t 'homeassistant/device/+/config'"), "the device")
    home_assistant_publishes(publish, id="firing")
    bus.sees(Title="The freezer is too warm", Severity="HIGH", Status="CREATED", Package="HOUSE")
    home_assistant_publishes(publish, id="resolved")

    bus.sees(Title="The freezer is too warm", Status="MONITORING")
    assert {"binary_sensor", "sensor", "event"} == {each["platform"] for each in json.loads(announced)["components"].values()}
