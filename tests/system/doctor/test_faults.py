"""``axion-bus doctor`` names the fault that there is, and no other."""

from __future__ import annotations

import pytest

from axion_bus.buses.mqtt import DROPPED_TOPIC
from tests.servers import free_port
from tests.system.doctor.host import ACL, ALONE


def broker_is_down(host):
    host.broker.stop()
    return {"broker.reach": "fail"}


def broker_password_is_wrong(host):
    (host.directory / "mqtt_password").write_text("wrong\n")
    return {"broker.login": "fail"}


def broker_acl_lacks_events(host):
    host.broker.set_acl(ACL.replace("topic readwrite axion/events/#\n", ""))
    host.broker.restart()
    return {"broker.acl.write": "fail"}


def broker_keeps_nothing_on_disk(host):
    host.broker._lines[host.broker._lines.index("persistence true")] = "persistence false"
    host.broker.restart()
    return {"broker.persistence": "fail"}


def broker_saves_every_half_hour(host):
    host.broker._lines.remove("autosave_interval 1")
    host.broker.restart()
    return {"broker.persistence": "warn"}


def broker_keeps_a_thousand_messages(host):
    host.broker._lines[host.broker._lines.index("max_queued_messages 1000000")] = "max_queued_messages 1000"
    host.broker.restart()
    return {"broker.queue": "warn"}


def broker_tells_no_drops(host):
    host.broker.set_acl(ACL.replace(f"topic read {DROPPED_TOPIC}\n", ""))
    host.broker.restart()
    return {"broker.drops": "warn"}


def database_is_not_there(host):
    host.configure(store=f"mysql://doctored@127.0.0.1:{free_port()}/{host.database}")
    return {"database.reach": "fail"}


def database_password_is_wrong(host):
    (host.directory / "db_password").write_text("wrong\n")
    return {"database.login": "fail"}


def database_has_another_name(host):
    host.sql("GRANT ALL ON nowhere.* TO doctored@127.0.0.1")
    host.configure(store=host.store.replace(host.database, "nowhere"))
    return {"database.reach": "fail"}


def database_is_older(host):
    host.sql("UPDATE alembic_version SET version_num = '0001'")
    return {"database.schema": "fail"}


def database_is_newer(host):
    host.sql("UPDATE alembic_version SET version_num = '9999'")
    return {"database.schema": "fail"}


def commits_are_not_written_through(host):
    host.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
    return {"database.durability": "fail"}


def a_table_has_no_transactions(host):
    host.sql("ALTER TABLE def_notify ENGINE=MyISAM")
    return {"database.engine": "fail"}


def a_table_has_another_character_set(host):
    host.sql("ALTER TABLE def_notify CONVERT TO CHARACTER SET latin1")
    return {"database.charset": "fail"}


def the_account_may_not_delete(host):
    host.sql(f"REVOKE DELETE ON {host.database}.* FROM doctored@127.0.0.1")
    return {"database.grants": "fail"}


def the_account_may_not_upgrade(host):
    host.sql(f"REVOKE ALTER ON {host.database}.* FROM doctored@127.0.0.1")
    return {"database.grants": "warn"}


def the_account_may_everything(host):
    host.sql("GRANT ALL ON *.* TO doctored@127.0.0.1")
    return {"database.grants": "warn"}


def the_clock_was_set_back(host):
    host.sql(
        "INSERT INTO data_incident_communication (CommunicationGuid, ShortRef, Channel, Message, Recipient, Timestamp, Attempts)"
        " VALUES ('00000000-0000-7000-8000-000000000000', 'REF-1', 'MQTT', '', '', UTC_TIMESTAMP() + INTERVAL 1 HOUR, 0)"
    )
    return {"clock.step": "fail"}


def a_credential_may_be_read_by_all(host):
    (host.directory / "mqtt_password").chmod(0o644)
    return {"credentials.modes": "fail"}


def the_configuration_may_be_changed_by_all(host):
    host.file.chmod(0o666)
    return {"configuration.mode": "fail"}


def a_channels_secret_is_missing(host):
    host.configure(
        more='[channels.email]\nhost="127.0.0.1"\nfrom="a@b"\nto=["c@d"]\nusername="x"\npassword={file="/nonexistent"}\n'
    )
    return {"credentials": "fail", "channels.email": "fail"}


def the_passwords_are_systemds_to_hand_over(host):
    text = host.file.read_text()
    for name in ("mqtt_password", "db_password"):
        text = text.replace(f'file = "{host.directory}/{name}"', f'credential = "{name}"')
    host.file.write_text(text)
    return {"credentials": "warn", "broker.login": "warn", "database.login": "warn"}


def a_password_is_missing(host):
    (host.directory / "db_password").unlink()
    return {"credentials": "fail", "database.login": "fail"}


def a_channel_cannot_be_reached(host):
    host.configure(more=f'[channels.webhook]\nurl = "http://127.0.0.1:{free_port()}/"\nallow_private = true\n')
    return {"channels.webhook": "fail"}


def a_channel_is_private(host):
    host.configure(more='[channels.webhook]\nurl = "https://127.0.0.1/"\n')
    return {"channels.webhook": "fail"}


def the_bus_is_not_there(host):
    host.configure(more='[dbus]\nbus = "unix:path=/nonexistent"\n')
    return {"dbus.reach": "fail"}


@pytest.mark.parametrize(
    "fault",
    [
        broker_is_down,
        broker_password_is_wrong,
        broker_acl_lacks_events,
        broker_keeps_nothing_on_disk,
        broker_saves_every_half_hour,
        broker_keeps_a_thousand_messages,
        broker_tells_no_drops,
        database_is_not_there,
        database_password_is_wrong,
        database_has_another_name,
        database_is_older,
        database_is_newer,
        commits_are_not_written_through,
        a_table_has_no_transactions,
        a_table_has_another_character_set,
        the_account_may_not_delete,
        the_account_may_not_upgrade,
        the_account_may_everything,
        the_clock_was_set_back,
        a_credential_may_be_read_by_all,
        the_configuration_may_be_changed_by_all,
        a_channels_secret_is_missing,
        the_passwords_are_systemds_to_hand_over,
        a_password_is_missing,
        a_channel_cannot_be_reached,
        a_channel_is_private,
        the_bus_is_not_there,
    ],
)
def test_the_fault_that_there_is_is_named_and_no_other(host, fault):
    expected = fault(host)
    is_broker_away = expected.keys() & {"broker.reach", "broker.login"}
    code, troubles = host.examine()

    assert ({"daemon": "warn"} if is_broker_away else ALONE) | expected == troubles
    assert int("fail" in expected.values()) == code
